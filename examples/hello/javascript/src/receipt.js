/**
 * What the ERP is told of a shipment. A pure function: it is tested beside it, without a host.
 *
 * @param {Pick<import("mortar-sdk").InboundShipment, "purchaseOrder" | "lines">} shipment
 */
export function receipt({ purchaseOrder, lines }) {
    const told = lines.map(({ sku, received, damaged }) => ({ sku, good: received - damaged, damaged }));
    return { purchase_order: purchaseOrder, lines: told };
}
