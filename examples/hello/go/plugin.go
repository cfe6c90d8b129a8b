// A first plugin: tracking numbers, stock and receipts for an ERP that we pretend to know.
package main

import (
	inbound "contract/mortar_events_inbound_shipment_events"
	inventory "contract/mortar_events_inventory_events"
	orders "contract/mortar_events_order_events"
	"mortar"
)

// The handlers here are those of the list in wit/world.wit: what the plugin gets.
func init() {
	orders.OnHandle = mortar.Handle(ship)
	inventory.OnHandle = mortar.Handle(stock)
	inbound.OnHandle = mortar.Handle(receive)
}

// A plugin is no program: the host calls its handlers.
func main() {}

func ship(delivery mortar.Delivery, order orders.Order) error {
	if delivery.EventType != "order.fulfilled" {
		return mortar.Ignored("only fulfilled orders have tracking numbers")
	}
	for _, parcel := range order.Parcels {
		path := "/orders/" + mortar.Encode(order.Number) + "/shipments/" + mortar.Encode(parcel.ShipmentId)
		request := mortar.Put("erp", path).JSON(map[string]any{
			"tracking_number": mortar.Ptr(parcel.TrackingNumber),
			"carrier":         mortar.Ptr(parcel.Carrier),
		})
		// The step's name is the parcel's: a retry skips the parcels that have arrived.
		if _, err := mortar.CallOK("ship/"+parcel.ShipmentId, request); err != nil {
			return err
		}
	}
	return nil
}

func stock(_ mortar.Delivery, event inventory.Inventory) error {
	if event.Tag() != inventory.InventoryStock {
		return mortar.Ignored("snapshots are not needed")
	}
	stock := event.Stock()
	request := mortar.Put("erp", "/stock/"+mortar.Encode(stock.Sku)).JSON(map[string]any{
		"available": mortar.Ptr(stock.Available),
		"as_of":     mortar.Ptr(stock.AsOf),
	})
	_, err := mortar.CallOK("stock", request)
	return err
}

func receive(delivery mortar.Delivery, shipment inbound.InboundShipment) error {
	if delivery.EventType != "inbound_shipment.received" {
		return mortar.Ignored("it is not received yet")
	}
	request := mortar.Post("erp", "/inbound-shipments/"+mortar.Encode(shipment.Number)+"/receipt")
	_, err := mortar.CallOK("receipt", request.JSON(receipt(shipment)))
	return err
}

type line struct {
	SKU     string `json:"sku"`
	Good    int64  `json:"good"`
	Damaged int64  `json:"damaged"`
}

// receipt is what the ERP is told of a shipment. A pure function: it is tested without a host.
func receipt(shipment inbound.InboundShipment) map[string]any {
	lines := make([]line, len(shipment.Lines))
	for at, of := range shipment.Lines {
		lines[at] = line{SKU: of.Sku, Good: of.Received - of.Damaged, Damaged: of.Damaged}
	}
	return map[string]any{"purchase_order": mortar.Ptr(shipment.PurchaseOrder), "lines": lines}
}
