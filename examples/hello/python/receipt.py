"""What the ERP is told of a shipment: a pure function, tested without a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contract.exports.inbound_shipment_events import InboundShipment


def receipt(shipment: InboundShipment) -> dict[str, Any]:
    lines = [
        {"sku": line.sku, "good": line.received - line.damaged, "damaged": line.damaged} for line in shipment.lines
    ]
    return {"purchase_order": shipment.purchase_order, "lines": lines}
