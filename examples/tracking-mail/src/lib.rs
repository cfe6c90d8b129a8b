//! Mails customers the tracking number of each parcel, once for each parcel: the mail is a step, so a
//! retry never sends it again.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use mortar_sdk::mail::{self, Message};
use mortar_sdk::order_events::{Order, OrderEvents, Parcel};
use mortar_sdk::{Delivery, Failure, Json, Outcome, Request, call, config, done, ignored};
use serde::Deserialize;

struct TrackingMail;

mortar_sdk::export!(TrackingMail: order_events);

/// `[config]` in plugin.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A template of the path of the order in the ERP.
    order: String,
    /// The dotted path of the customer's address in the ERP's order.
    recipient: String,
    subject: String,
    text: String,
    html: Option<String>,
}

impl OrderEvents for TrackingMail {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        if delivery.event_type != "order.fulfilled" {
            return ignored("only fulfilled orders have tracking numbers");
        }
        let tracked: Vec<_> = order.parcels.iter().filter(|parcel| parcel.tracking_number.is_some()).collect();
        if tracked.is_empty() {
            return ignored("no parcel has a tracking number");
        }
        let settings: Settings = config()?;
        let path = render("order", &settings.order, context! { order => Value::from(Serde(&order)) }).map_err(Failure::reject)?;
        let erp: Json = call("order", &Request::get("erp", path))?.ok()?.json()?;
        for parcel in tracked {
            let letter = settings.letter(&order, parcel, &erp).map_err(Failure::reject)?;
            mail::send(&format!("mail/{}", parcel.shipment_id), &letter)?;
        }
        done()
    }
}

impl Settings {
    fn letter(&self, order: &Order, parcel: &Parcel, erp: &Json) -> Result<Message, String> {
        let recipient = self.recipient.split('.').try_fold(erp, |value, key| value.get(key));
        let recipient = recipient.and_then(Json::as_str).filter(|address| !address.is_empty());
        let recipient = recipient.ok_or_else(|| format!("the ERP's order {} has no {}", order.number, self.recipient))?;
        let [order, parcel, erp] = [Value::from(Serde(order)), Value::from(Serde(parcel)), Value::from(Serde(erp))];
        let known = context! { order, parcel, erp };
        Ok(Message {
            connection: "mail".into(),
            to: vec![recipient.to_owned()],
            subject: render("subject", &self.subject, known.clone())?.trim().to_owned(),
            text: render("text", &self.text, known.clone())?,
            // By its name minijinja knows what to escape.
            html: self.html.as_ref().map(|html| render("html.html", html, known)).transpose()?,
            ..Message::default()
        })
    }
}

fn render(name: &str, template: &str, known: Value) -> Result<String, String> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Chainable);
    templates.render_named_str(name, template, known).map_err(|error| format!("the template of plugin.toml: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mortar_sdk::json;

    use super::*;

    fn shipped() -> Settings {
        #[derive(Deserialize)]
        struct File {
            config: Settings,
        }
        toml::from_str::<File>(include_str!("../plugin.toml")).unwrap().config
    }

    fn parcel() -> Parcel {
        Parcel { shipment_id: "shp_1".into(), tracking_number: Some("1Z999".into()), carrier: Some("UPS".into()), ..Parcel::default() }
    }

    #[test]
    fn the_customer_is_told_the_tracking_number() {
        let order = Order { number: "SO 1".into(), ..Order::default() };
        let erp = json!({ "customer": { "email": "ann@example.com", "name": "Ann" } });
        let letter = shipped().letter(&order, &parcel(), &erp).unwrap();
        assert_eq!((letter.to, letter.subject.as_str()), (vec!["ann@example.com".to_owned()], "Your order SO 1 is on its way"));
        assert!(
            letter.text.contains("Hello Ann,") && letter.text.contains("handed to UPS. Its tracking number is 1Z999."),
            "{}",
            letter.text
        );
        assert_eq!(render("order", &shipped().order, context! { order => Value::from(Serde(&order)) }).unwrap(), "/orders/SO%201");
    }

    #[test]
    fn an_order_without_an_address_is_for_an_operator() {
        let refused = shipped().letter(&Order { number: "SO-1".into(), ..Order::default() }, &parcel(), &json!({})).unwrap_err();
        assert_eq!(refused, "the ERP's order SO-1 has no customer.email");
    }

    #[test]
    fn html_is_escaped_and_a_broken_template_says_where() {
        let known = context! { name => "<Ann>" };
        assert_eq!(render("html.html", "<b>{{ name }}</b>", known.clone()).unwrap(), "<b>&lt;Ann&gt;</b>");
        assert!(render("text", "a\n{{ name", known).unwrap_err().contains("text:2"));
    }
}
