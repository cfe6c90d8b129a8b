import unittest
from unittest import mock

from componentize_py_types import Err
from contract.imports import connection, types

import mortar_sdk as mortar
from mortar_sdk.response import EXCERPT


def answer(status, body=b""):
    return mortar.Response(connection.Response(status, [("etag", "7")], body if isinstance(body, bytes) else body.encode()))


def hosted(**functions):
    return mock.patch.multiple(connection, **functions)


class Calls(unittest.TestCase):
    def test_a_request_is_built_with_its_headers_and_its_body(self):
        request = mortar.post("erp", "/orders", json={"number": "é", "none": None}, headers={"if-match": "7"})
        headers = [("if-match", "7"), ("content-type", "application/json")]
        self.assertEqual(request, connection.Request("erp", "POST", "/orders", headers, '{"number":"é","none":null}'.encode()))
        self.assertIsNone(mortar.get("erp", "/orders").body)
        self.assertEqual(mortar.put("erp", "/", json=None).body, b"null")

    def test_a_2xx_goes_on_and_anything_else_is_refused_with_its_words(self):
        self.assertEqual(answer(204).ok().status, 204)
        for status in (199, 300, 404, 500):
            with self.assertRaises(mortar.Reject):
                answer(status).ok()
        refusal = answer(422, '{"error":"unknown\n SKU"}').refusal("ship/shp_001")
        self.assertEqual(str(refusal), 'ship/shp_001: the ERP answered 422: {"error":"unknown  SKU"}')
        self.assertEqual(str(answer(404).refusal("x")), "x: the ERP answered 404: (no body)")

    def test_an_excerpt_is_bounded_and_never_splits_a_character(self):
        self.assertTrue(str(answer(400, "€" * EXCERPT).refusal("x")).endswith(": " + "€" * EXCERPT))
        self.assertTrue(str(answer(400, "€" * 100_000).refusal("x")).endswith("€" * EXCERPT + "…"))
        self.assertTrue(str(answer(400, b"\xffx").refusal("x")).endswith(": \ufffdx"))

    def test_an_answer_is_read_as_json(self):
        self.assertEqual(answer(200, "[1,2]").json(), [1, 2])
        with self.assertRaisesRegex(mortar.Reject, ": <html>$"):
            answer(200, "<html>").json()
        self.assertEqual((answer(200).header("etag"), answer(200).header("date")), ("7", None))

    def test_only_what_was_not_applied_is_retried(self):
        def ending(error):
            with hosted(call=mock.Mock(side_effect=Err(error))), self.assertRaises(mortar.CallError) as raised:
                mortar.call("step", mortar.get("erp", "/"))
            return raised.exception

        unavailable = ending(connection.CallError_Unavailable(connection.Unavailable("503", 1500)))
        self.assertEqual(unavailable.contract, types.Failure_Retry(types.Retry("503", 1500)))
        for kind in (
            connection.CallError_Denied,
            connection.CallError_TooLarge,
            connection.CallError_Diverged,
            connection.CallError_InDoubt,
        ):
            error = ending(kind("words"))
            self.assertIsInstance(error.contract, types.Failure_Reject)
            self.assertRegex(str(error), ": words$")

    def test_a_step_in_doubt_is_looked_up_settled_and_called_again(self):
        sent = [Err(connection.CallError_InDoubt("sent once")), connection.Response(201, [], b"pay")]
        settle, look = mock.Mock(), mock.Mock(return_value=mortar.Settlement_Resend())
        with hosted(call=mock.Mock(side_effect=sent), settle=settle):
            answer = mortar.call_or_settle("pay", mortar.post("erp", "/payments"), look)
        self.assertEqual(answer.text(), "pay")
        look.assert_called_once_with("sent once")
        settle.assert_called_once_with("pay", mortar.Settlement_Resend())

    def test_what_cannot_be_settled_is_for_an_operator(self):
        with hosted(settle=mock.Mock(side_effect=Err("it is not in doubt"))), self.assertRaises(mortar.Reject) as raised:
            mortar.settle("pay", mortar.Settlement_Resend())
        self.assertEqual(str(raised.exception), "step `pay` cannot be settled: it is not in doubt")

    def test_a_fresh_step_carries_the_attempt(self):
        self.assertEqual(mortar.fresh(mock.Mock(attempt=2), "state"), "state#2")

    def test_values_are_encoded_for_a_path(self):
        self.assertEqual(mortar.encode("SO 1/2?é"), "SO%201%2F2%3F%C3%A9")
        self.assertEqual(mortar.encode("TEE-BLU_M.1~"), "TEE-BLU_M.1~")
