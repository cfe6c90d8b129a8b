//! The documents that are sent, as the Admin API's versions 2026-04 to 2026-10 know them. Each mutation
//! is alone in its document: what is refused as a whole was not done.

/// Orders by their name, with their fulfillments.
pub(crate) const ORDERS: &str = "query Orders($query: String!) {
  orders(first: 5, query: $query) {
    nodes { id name cancelledAt fulfillments(first: 100) { id status deliveredAt trackingInfo(first: 10) { number } } }
  }
}";

/// What is left of an order to fulfil.
pub(crate) const FULFILLMENT_ORDERS: &str = "query FulfillmentOrders($id: ID!) {
  order(id: $id) {
    fulfillmentOrders(first: 10) {
      pageInfo { hasNextPage }
      nodes {
        id status assignedLocation { name location { id } }
        lineItems(first: 50) { pageInfo { hasNextPage } nodes { id sku remainingQuantity } }
      }
    }
  }
}";

/// What is stocked of a SKU.
pub(crate) const STOCK: &str = "query Stock($query: String!, $names: [String!]!) {
  inventoryItems(first: 5, query: $query) {
    nodes { id sku tracked inventoryLevels(first: 50) { nodes { location { id name } quantities(names: $names) { name quantity } } } }
  }
}";

pub(crate) const FULFIL: &str = "mutation Fulfil($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) { fulfillment { id status } userErrors { field message } }
}";

pub(crate) const ARRIVE: &str = "mutation Arrive($event: FulfillmentEventInput!) {
  fulfillmentEventCreate(fulfillmentEvent: $event) { fulfillmentEvent { id } userErrors { field message } }
}";

pub(crate) const CANCEL: &str =
    "mutation Cancel($id: ID!, $notify: Boolean, $refund: OrderCancelRefundMethodInput, $restock: Boolean!, $note: String) {
  orderCancel(orderId: $id, reason: OTHER, notifyCustomer: $notify, refundMethod: $refund, restock: $restock, staffNote: $note) {
    job { id } orderCancelUserErrors { field message code }
  }
}";

pub(crate) const COUNT: &str = "mutation Count($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) { inventoryAdjustmentGroup { id } userErrors { field message code } }
}";
