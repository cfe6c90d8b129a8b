import type { InboundShipment } from "mortar-sdk";

/** What the ERP is told of a shipment. A pure function: it is tested beside it, without a host. */
export function receipt({ purchaseOrder, lines }: Pick<InboundShipment, "purchaseOrder" | "lines">) {
    const told = lines.map(({ sku, received, damaged }) => ({ sku, good: received - damaged, damaged }));
    return { purchase_order: purchaseOrder, lines: told };
}
