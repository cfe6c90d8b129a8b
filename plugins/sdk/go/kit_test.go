package mortar

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	connection "contract/mortar_plugin_connection"
	log "contract/mortar_plugin_log"
	mail "contract/mortar_plugin_mail"
	state "contract/mortar_plugin_state"
	types "contract/mortar_plugin_types"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

func same(t *testing.T, found, expected any) {
	t.Helper()
	if !reflect.DeepEqual(found, expected) {
		t.Fatalf("%#v is not %#v", found, expected)
	}
}

func ending(err error) types.Failure {
	return HandleAny(func(Delivery) error { return err })(Delivery{}).Err()
}

func TestAHandlerEndsAsItSays(t *testing.T) {
	done := Handle(func(_ Delivery, number string) error { same(t, number, "SO-1"); return nil })
	same(t, done(Delivery{}, "SO-1").Ok(), types.MakeOutcomeDone())
	ignored := HandleAny(func(Delivery) error { return fmt.Errorf("%w", Ignored("not ours")) })
	same(t, ignored(Delivery{}).Ok(), types.MakeOutcomeIgnored("not ours"))
	same(t, ending(Reject("no order %d", 7)), types.MakeFailureReject("no order 7"))
	same(t, ending(errors.New("plain")), types.MakeFailureReject("plain"))
	same(t, ending(fmt.Errorf("it: %w", Retry("a lock"))), types.MakeFailureRetry(types.Retry{Reason: "it: a lock", AfterMs: witTypes.None[uint64]()}))
	same(t, ending(RetryAfter("a lock", 50*time.Millisecond)), types.MakeFailureRetry(types.Retry{Reason: "a lock", AfterMs: witTypes.Some[uint64](50)}))
	confirm := Confirm(func(Delivery) (string, error) { return "", Reject("gone") })
	same(t, confirm(Delivery{}).Err(), types.MakeFailureReject("gone"))
}

func TestARequestIsBuiltStepByStep(t *testing.T) {
	request := Post("erp", "/orders").Header("if-match", "7").JSON(map[string]any{"number": "é"}).contract()
	same(t, []string{request.Connection, request.Method, request.Path}, []string{"erp", "POST", "/orders"})
	same(t, request.Headers, []witTypes.Tuple2[string, string]{{F0: "if-match", F1: "7"}, {F0: "content-type", F1: "application/json"}})
	same(t, string(request.Body.Some()), `{"number":"é"}`)
	same(t, Get("erp", "/orders").contract().Body.IsNone(), true)
	base := Get("erp", "/").Header("a", "1")
	one, two := base.Header("b", "1"), base.Header("b", "2")
	same(t, []string{one.headers[1][1], two.headers[1][1]}, []string{"1", "2"})
}

func answering(status uint16, body string) {
	host.call = func(string, connection.Request) witTypes.Result[connection.Response, connection.CallError] {
		response := connection.Response{Status: status, Headers: []witTypes.Tuple2[string, string]{{F0: "etag", F1: "7"}}, Body: []byte(body)}
		return witTypes.Ok[connection.Response, connection.CallError](response)
	}
}

func TestA2xxGoesOnAndAnythingElseIsRefusedWithItsWords(t *testing.T) {
	for status, success := range map[uint16]bool{199: false, 200: true, 204: true, 299: true, 300: false, 404: false, 500: false} {
		answering(status, "")
		response, err := CallOK("step", Get("erp", "/"))
		same(t, err == nil, success)
		same(t, response.Header["etag"], "7")
	}
	answering(422, "{\"error\":\"unknown\n SKU\"}")
	_, err := CallOK("step", Get("erp", "/"))
	same(t, err.Error(), `a call failed: the ERP answered 422: {"error":"unknown  SKU"}`)
	same(t, Response{Status: 404}.Refusal("x").Error(), "x: the ERP answered 404: (no body)")
}

func TestAnExcerptIsBoundedAndNeverSplitsACharacter(t *testing.T) {
	same(t, Response{Body: []byte(strings.Repeat("€", excerpt))}.excerpt(), strings.Repeat("€", excerpt))
	same(t, Response{Body: []byte(strings.Repeat("€", 100_000))}.excerpt(), strings.Repeat("€", excerpt)+"…")
	same(t, Response{Body: []byte("\xffx")}.excerpt(), "\ufffdx")
}

func TestAnAnswerIsReadAsJSON(t *testing.T) {
	var numbers []int
	same(t, Response{Body: []byte("[1,2]")}.JSON(&numbers), nil)
	same(t, numbers, []int{1, 2})
	err := Response{Body: []byte("<html>")}.JSON(&numbers)
	same(t, strings.HasSuffix(err.Error(), ": <html>"), true)
}

func failing(err connection.CallError) error {
	host.call = func(string, connection.Request) witTypes.Result[connection.Response, connection.CallError] {
		return witTypes.Err[connection.Response, connection.CallError](err)
	}
	_, unanswered := Call("step", Get("erp", "/"))
	return unanswered
}

func TestOnlyWhatWasNotAppliedIsRetried(t *testing.T) {
	unavailable := connection.MakeCallErrorUnavailable(connection.Unavailable{Reason: "503", AfterMs: witTypes.Some[uint64](1500)})
	same(t, ending(failing(unavailable)), types.MakeFailureRetry(types.Retry{Reason: "503", AfterMs: witTypes.Some[uint64](1500)}))
	for _, of := range []func(string) connection.CallError{
		connection.MakeCallErrorDenied, connection.MakeCallErrorTooLarge, connection.MakeCallErrorDiverged, connection.MakeCallErrorInDoubt,
	} {
		same(t, strings.HasSuffix(ending(failing(of("words"))).Reject(), ": words"), true)
	}
}

func TestAStepInDoubtIsLookedUpSettledAndCalledAgain(t *testing.T) {
	settled := []string{}
	host.call = func(string, connection.Request) witTypes.Result[connection.Response, connection.CallError] {
		if len(settled) == 0 {
			return witTypes.Err[connection.Response, connection.CallError](connection.MakeCallErrorInDoubt("sent once"))
		}
		return witTypes.Ok[connection.Response, connection.CallError](connection.Response{Status: 201})
	}
	host.settle = func(step string, settlement connection.Settlement) witTypes.Result[witTypes.Unit, string] {
		same(t, settlement, Resend())
		settled = append(settled, step)
		return witTypes.Ok[witTypes.Unit, string](witTypes.Unit{})
	}
	response, err := CallOrSettle("pay", Post("erp", "/payments"), func(doubt string) (Settlement, error) {
		same(t, doubt, "sent once")
		return Resend(), nil
	})
	same(t, err, nil)
	same(t, response.Status, uint16(201))
	same(t, settled, []string{"pay"})
	host.settle = func(string, connection.Settlement) witTypes.Result[witTypes.Unit, string] {
		return witTypes.Err[witTypes.Unit, string]("it is not in doubt")
	}
	same(t, Settle("pay", Resend()).Error(), "step `pay` cannot be settled: it is not in doubt")
}

func TestValuesAreEncodedForAPath(t *testing.T) {
	same(t, Encode("SO 1/2?é+"), "SO%201%2F2%3F%C3%A9%2B")
	same(t, Encode("TEE-BLU_M.1~"), "TEE-BLU_M.1~")
	same(t, Fresh(Delivery{Attempt: 2}, "state"), "state#2")
}

func TestAnAbsentValueIsNullInJSON(t *testing.T) {
	bytes, err := json.Marshal([]*string{Ptr(witTypes.None[string]()), Ptr(witTypes.Some("x"))})
	same(t, err, nil)
	same(t, string(bytes), `[null,"x"]`)
}

func TestConfigIsTypedAndAMisfitNamesTheField(t *testing.T) {
	host.config = func() string { return `{"warehouse":"FN1"}` }
	var settings struct{ Warehouse string }
	same(t, Config(&settings), nil)
	same(t, settings.Warehouse, "FN1")
	var misfit struct{ Warehouse int }
	same(t, strings.Contains(Config(&misfit).Error(), "warehouse"), true)
}

func store(conflicts int) map[string]state.Entry {
	entries := map[string]state.Entry{}
	host.get = func(key string) Option[state.Entry] {
		if entry, known := entries[key]; known {
			return witTypes.Some(entry)
		}
		return witTypes.None[state.Entry]()
	}
	write := func(key string, expected uint64, change func()) witTypes.Result[witTypes.Unit, state.PutError] {
		if conflicts > 0 {
			conflicts--
			entries[key] = state.Entry{Value: []byte("41"), Version: entries[key].Version + 8}
		}
		if expected != entries[key].Version {
			return witTypes.Err[witTypes.Unit, state.PutError](state.MakePutErrorConflict(entries[key].Version))
		}
		change()
		return witTypes.Ok[witTypes.Unit, state.PutError](witTypes.Unit{})
	}
	host.put = func(key string, value []uint8, expected uint64) witTypes.Result[witTypes.Unit, state.PutError] {
		return write(key, expected, func() { entries[key] = state.Entry{Value: value, Version: expected + 1} })
	}
	host.delete = func(key string, expected uint64) witTypes.Result[witTypes.Unit, state.PutError] {
		return write(key, expected, func() { delete(entries, key) })
	}
	return entries
}

func increase(n *int) int {
	if n == nil {
		return 1
	}
	return *n + 1
}

func TestStateIsReadChangedAndForgotten(t *testing.T) {
	entries := store(0)
	for _, expected := range []int{1, 2} {
		n, err := Remember("n", increase)
		same(t, []any{n, err}, []any{expected, nil})
	}
	n, err := Remembered[int]("n")
	same(t, []any{*n, err, entries["n"].Version}, []any{2, nil, uint64(2)})
	same(t, Forget("n"), nil)
	same(t, len(entries), 0)
	entries["n"] = state.Entry{Value: []byte("<"), Version: 1}
	_, err = Remembered[int]("n")
	same(t, strings.HasPrefix(err.Error(), "state `n` is not"), true)
}

func TestAConflictChangesTheNewerValueAndEndlessOnesEndInARetry(t *testing.T) {
	store(1)
	n, err := Remember("n", increase)
	same(t, []any{n, err}, []any{42, nil})
	store(1000)
	_, err = Remember("n", increase)
	same(t, ending(err).Tag(), uint8(types.FailureRetry))
	host.put = func(string, []uint8, uint64) witTypes.Result[witTypes.Unit, state.PutError] {
		return witTypes.Err[witTypes.Unit, state.PutError](state.MakePutErrorTooLarge("65 KiB"))
	}
	_, err = Remember("n", increase)
	same(t, err.Error(), "state `n`: 65 KiB")
}

func TestMailsAndLinesReachTheHost(t *testing.T) {
	host.mail = func(step string, message mail.Message) witTypes.Result[witTypes.Unit, connection.CallError] {
		same(t, []any{step, message.To, message.Html.IsNone(), message.ReplyTo}, []any{"mail/short", []string{"ops@example.com"}, true, witTypes.Some("me@example.com")})
		return witTypes.Ok[witTypes.Unit, connection.CallError](witTypes.Unit{})
	}
	same(t, Mail("mail/short", Message{Connection: "mail", To: []string{"ops@example.com"}, Subject: "short", Text: "2 units", ReplyTo: "me@example.com"}), nil)
	host.log = func(level uint8, line string) { same(t, []any{level, line}, []any{log.LevelWarn, "2 units"}) }
	Warn("%d units", 2)
}
