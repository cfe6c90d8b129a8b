import unittest
from unittest import mock

from componentize_py_types import Err
from contract import exports
from contract.imports import config, log, mail, state, types

import mortar_sdk as mortar
from mortar_sdk.log import Lines


def handler(body):
    class AnyEvent(mortar.Handler, exports.AnyEvent):
        def handle(self, delivery):
            return body(delivery)

    return AnyEvent().handle


def raising(error):
    def body(_):
        raise error

    return handler(body)


class Store:
    """The host's store, in the place of the contract's functions."""

    def __init__(self):
        self.entries = {}

    def get(self, key):
        return self.entries.get(key)

    def put(self, key, value, expected):
        version = self.entries[key].version if key in self.entries else 0
        if version != expected:
            raise Err(state.PutError_Conflict(version))
        self.entries[key] = state.Entry(value, version + 1)

    def delete(self, key, expected):
        del self.entries[key]

    def hosted(self, **others):
        return mock.patch.multiple(state, **{"get": self.get, "put": self.put, "delete": self.delete, **others})


class Kit(unittest.TestCase):
    def test_a_handlers_outcome_and_its_failures_reach_the_host_as_they_are(self):
        self.assertEqual(handler(lambda _: mortar.done())(None), types.Outcome_Done())
        self.assertEqual(handler(mortar.ignored)("not ours"), types.Outcome_Ignored("not ours"))
        with self.assertRaises(Err) as raised:
            raising(mortar.Reject("no such order"))(None)
        self.assertEqual(raised.exception.value, types.Failure_Reject("no such order"))
        with self.assertRaises(Err) as raised:
            raising(mortar.Retry("a lock", after_ms=50))(None)
        self.assertEqual(raised.exception.value, types.Failure_Retry(types.Retry("a lock", 50)))

    def test_a_mistake_is_logged_with_its_place(self):
        with mock.patch.object(log, "log") as logged, self.assertRaises(KeyError):
            raising(KeyError("sku"))(None)
        level, message = logged.call_args.args
        self.assertEqual(level, log.Level.ERROR)
        self.assertRegex(message, r"(?s)^Traceback.*test_kit\.py.*KeyError: 'sku'")
        with mock.patch.object(log, "log"), self.assertRaisesRegex(TypeError, "without an outcome"):
            handler(lambda _: None)(None)

    def test_lines_and_what_is_printed_go_to_the_deliverys_log(self):
        with mock.patch.object(log, "log") as logged:
            mortar.log.warn("odd")
            print("parcels:", 2, "\nand more", file=Lines(log.Level.INFO))
        lines = [(log.Level.WARN, "odd"), (log.Level.INFO, "parcels: 2 "), (log.Level.INFO, "and more")]
        self.assertEqual([call.args for call in logged.call_args_list], lines)

    def test_a_config_that_lacks_a_field_names_it(self):
        with mock.patch.object(config, "json", return_value='{"warehouse":"FN1"}'):
            self.assertEqual(mortar.config("warehouse"), {"warehouse": "FN1"})
            with self.assertRaisesRegex(mortar.Reject, "^\\[config\\] in plugin.toml: missing field `carrier`$"):
                mortar.config("carrier")

    def test_state_is_read_changed_and_removed(self):
        store = Store()
        with store.hosted():
            for expected in (1, 2):
                self.assertEqual(mortar.state.update("n", lambda n: (n or 0) + 1), expected)
            self.assertEqual((mortar.state.get("n"), store.entries["n"].version), (2, 2))
            mortar.state.remove("n")
            self.assertIsNone(mortar.state.get("n"))

    def test_a_conflict_changes_the_newer_value(self):
        store = Store()

        def change(value):
            if value is None:
                store.entries["n"] = state.Entry(b'"newer"', 8)
            return f"{value} and mine"

        with store.hosted():
            self.assertEqual(mortar.state.update("n", change), "newer and mine")

    def test_endless_conflicts_end_in_a_retry_and_a_large_value_in_a_rejection(self):
        with Store().hosted(put=mock.Mock(side_effect=Err(state.PutError_Conflict(1)))), self.assertRaises(mortar.Retry):
            mortar.state.update("n", lambda _: 1)
        too_large = mock.Mock(side_effect=Err(state.PutError_TooLarge("65 KiB")))
        with Store().hosted(put=too_large), self.assertRaisesRegex(mortar.Reject, "^state `n`: 65 KiB$"):
            mortar.state.update("n", lambda _: 1)

    def test_a_value_that_is_not_json_is_named(self):
        store = Store()
        store.entries["n"] = state.Entry(b"<", 1)
        with store.hosted(), self.assertRaisesRegex(mortar.Reject, "^state `n` is not"):
            mortar.state.get("n")

    def test_a_mail_is_sent_as_a_step(self):
        with mock.patch.object(mail, "send") as send:
            mortar.mail.send("mail/short", "mail", to=["ops@example.com"], subject="short", text="2 units")
        send.assert_called_once_with("mail/short", mail.Message("mail", ["ops@example.com"], None, "short", "2 units", None))
