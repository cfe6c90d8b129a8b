// The faults that an author might make.
package main

import (
	orders "contract/mortar_events_order_events"
	"fmt"
	"math/rand/v2"
	"mortar"
	"time"
)

func init() { orders.OnHandle = mortar.Handle(ship) }

func main() {}

func ship(delivery mortar.Delivery, order orders.Order) error {
	var config struct{ Fault string }
	if err := mortar.Config(&config); err != nil {
		return err
	}
	fmt.Println("the fault is", config.Fault)
	for _, parcel := range order.Parcels {
		step, note := "ship/"+parcel.ShipmentId, ""
		switch config.Fault {
		case "step":
			step = "ship"
		case "again":
			step = fmt.Sprintf("%s/%d", step, delivery.Attempt)
		case "random":
			note = fmt.Sprint(rand.Uint64())
		case "clock":
			note = time.Now().String()
		case "crash":
			panic("nobody knows the carrier of " + parcel.ShipmentId)
		}
		path := "/orders/" + mortar.Encode(order.Number) + "/shipments/" + mortar.Encode(parcel.ShipmentId)
		request := mortar.Put("erp", path).JSON(map[string]any{"tracking": mortar.Ptr(parcel.TrackingNumber), "note": note})
		if _, err := mortar.CallOK(step, request); err != nil {
			return err
		}
	}
	return nil
}
