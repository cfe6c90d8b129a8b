//! The documents that are sent. Each mutation is alone in its document: what is refused as a whole was
//! not done.

/// The order of a code, with its fulfilments.
pub(crate) const ORDER: &str = "query Order($code: String!) {
  orders(options: { filter: { code: { eq: $code } } }) {
    items {
      id code state active nextStates
      lines { id quantity orderPlacedQuantity productVariant { sku } }
      fulfillments { id state trackingCode lines { orderLineId quantity } }
    }
  }
}";

/// The notes of an order.
pub(crate) const NOTES: &str = "query Notes($id: ID!) {
  order(id: $id) { history(options: { filter: { type: { eq: \"ORDER_NOTE\" } }, take: 100, sort: { createdAt: DESC } }) { items { data } } }
}";

/// A variant and its stock.
pub(crate) const VARIANT: &str = "query Variant($sku: String!) {
  productVariants(options: { filter: { sku: { eq: $sku } } }) {
    items { id stockLevels { stockOnHand stockLocation { id name } } }
  }
}";

/// The stock locations.
pub(crate) const LOCATIONS: &str = "query Locations { stockLocations { items { id name } } }";

pub(crate) const FULFIL: &str = "mutation Fulfil($input: FulfillOrderInput!) {
  addFulfillmentToOrder(input: $input) {
    ... on Fulfillment { id state trackingCode lines { orderLineId quantity } }
    ... on ErrorResult { errorCode message }
  }
}";

pub(crate) const MOVE: &str = "mutation Move($id: ID!, $state: String!) {
  transitionFulfillmentToState(id: $id, state: $state) {
    ... on Fulfillment { id state }
    ... on ErrorResult { errorCode message }
    ... on FulfillmentStateTransitionError { transitionError }
  }
}";

pub(crate) const CLOSE: &str = "mutation Close($id: ID!, $state: String!) {
  transitionOrderToState(id: $id, state: $state) {
    ... on Order { id state }
    ... on ErrorResult { errorCode message }
    ... on OrderStateTransitionError { transitionError }
  }
}";

pub(crate) const CANCEL: &str = "mutation Cancel($input: CancelOrderInput!) {
  cancelOrder(input: $input) {
    ... on Order { id state }
    ... on ErrorResult { errorCode message }
  }
}";

pub(crate) const NOTE: &str = "mutation Note($input: AddNoteToOrderInput!) { addNoteToOrder(input: $input) { id } }";

pub(crate) const STOCK: &str = "mutation Stock($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }";
