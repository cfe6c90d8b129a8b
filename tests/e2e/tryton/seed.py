"""Fills an empty Tryton with a small merchant: seed.py DATABASE CONFIG KEY_FILE.

A company, its warehouse with places for good and damaged units, products, a customer, a supplier,
carriers, stock, the key that Mortar uses (which is written to KEY_FILE), and the e-mail that Tryton
sends for each shipment. Sales, purchases and returns come later, through Tryton's REST interface.
"""

import secrets
import sys
from decimal import Decimal

from proteus import Model, Wizard, config
from trytond.pool import Pool
from trytond.pyson import Bool, Eval, PYSONEncoder
from trytond.transaction import Transaction

SKUS = ["TEE-BLU-M", "PANT-NVY-L", "SOCK-RED-S", "HAT-GRN-U"]
CARRIERS = ["UPS", "USPS", "FedEx"]
STOCK = 1000

# One e-mail for each shipment, when it is done and has a tracking number, whichever comes last.
SENT = Eval("self", {}).get("state", "").in_(["done"]) & Bool(Eval("self", {}).get("shipping_reference", ""))
SUBJECT = "Your order ${record.origins} is on its way"
MAIL = """Good news: ${records[0].origins} is on its way.
{% for package in records[0].packages %}\
Tracking number: ${package.shipping_reference}
{% end %}"""


def main(database, configuration, key_file):
    config.set_trytond(database, config_file=configuration)
    get = Model.get

    currency = get("currency.currency")(name="US Dollar", symbol="$", code="USD", numeric_code="840")
    currency.save()
    owner = get("party.party")(name="Acme Apparel")
    owner.save()
    setup = Wizard("company.company.config")
    setup.execute("company")
    setup.form.party = owner
    setup.form.currency = currency
    setup.execute("add")
    company, = get("company.company").find([])
    user, = get("res.user").find([("login", "=", "admin")])
    user.companies.append(company)
    user.company = company
    user.save()
    config.get_config()._context = get("res.user").get_preferences(True, {})

    warehouse = seed_warehouse()
    seed_parties()
    seed_products(owner)
    storage, = get("stock.location").find([("code", "=", "STOCK")])
    inventory = get("stock.inventory")(location=storage)
    for product in get("product.product").find([]):
        if product.type == "goods":
            line = inventory.lines.new(product=product)
            line.quantity = STOCK
    inventory.click("confirm")
    assert warehouse.picking_location == storage

    with Transaction().start(database, 1) as transaction:
        pool = Pool(database)
        key = secrets.token_hex(32)
        application = {"key": key, "user": user.id, "application": "rest", "state": "validated"}
        pool.get("res.user.application").create([application])
        seed_mail(pool)
        transaction.commit()
    with open(key_file, "w", encoding="utf-8") as file:
        file.write(key)


def seed_warehouse():
    """Good units lie in STOCK, damaged ones in DAMAGED; both are storage, only STOCK is picked from."""
    Location = Model.get("stock.location")
    warehouse, = Location.find([("type", "=", "warehouse")])
    whole = warehouse.storage_location
    whole.type = "view"
    whole.save()
    places = [Location(name=name, code=code, type="storage", parent=whole) for name, code in (("Stock", "STOCK"), ("Damaged", "DAMAGED"))]
    for place in places:
        place.save()
    warehouse.code = "FN1"
    warehouse.picking_location = places[0]
    warehouse.save()
    return Location(warehouse.id)


def seed_parties():
    Party = Model.get("party.party")
    for name in ("Ada Customer", "Threads Supplier"):
        party = Party(name=name)
        party.addresses[0].street = "1 Main Street"
        mail = party.contact_mechanisms.new(type="email")
        mail.value = name.split()[0].lower() + "@example.com"
        party.save()


def seed_products(owner):
    Template = Model.get("product.template")
    unit, = Model.get("product.uom").find([("name", "=", "Unit")])

    def template(name, kind):
        new = Template(name=name, default_uom=unit, type=kind, list_price=Decimal("20"), cost_price_method="fixed")
        new.salable = new.purchasable = kind == "goods"
        return new

    for sku in SKUS:
        goods = template(sku.title(), "goods")
        goods.code = sku
        goods.products[0].cost_price = Decimal("8")
        goods.save()
    freight = template("Freight", "service")
    freight.save()
    Party = Model.get("party.party")
    for name in CARRIERS:
        party = Party(name=name)
        party.save()
        Model.get("carrier")(party=party, carrier_product=freight.products[0]).save()
    Model.get("stock.package.type")(name="Carton").save()


def seed_mail(pool):
    model, = pool.get("ir.model").search([("name", "=", "stock.shipment.out")])
    customer, = pool.get("ir.model.field").search([("model", "=", "stock.shipment.out"), ("name", "=", "customer")])
    report, = pool.get("ir.action.report").create([{
        "name": "On its way",
        "model": "stock.shipment.out",
        "report_name": "stock.shipment.out.on_its_way",
        "report_content": MAIL.encode(),
        "template_extension": "txt",
    }])
    notification, = pool.get("notification.email").create([{
        "recipients": customer.id,
        "subject": SUBJECT,
        "content": report.id,
    }])
    pool.get("ir.trigger").create([{
        "name": "Shipped",
        "model": model.id,
        "on_write_": True,
        "condition": PYSONEncoder().encode(SENT),
        "action": "notification.email|trigger",
        "notification_email": notification.id,
        "limit_number": 1,
    }])


main(*sys.argv[1:])
