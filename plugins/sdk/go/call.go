package mortar

import (
	"errors"
	"fmt"

	connection "contract/mortar_plugin_connection"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

// Settlement says what became of a step that was in doubt: Resend or Answered.
type Settlement = connection.Settlement

// Resend settles a step: the ERP knows nothing of it.
func Resend() Settlement { return connection.MakeSettlementResend() }

// Answered settles a step: the ERP has applied it, and this is its answer.
func Answered(status uint16, body []byte) Settlement {
	return connection.MakeSettlementAnswered(connection.Response{Status: status, Body: body})
}

// InDoubt is the error of a call that was sent once and whose answer was lost. Handed on, it is a
// rejection.
type InDoubt struct {
	// Words are the host's.
	Words string
}

func (doubt InDoubt) Error() string { return "a step is in doubt: " + doubt.Words }

// Call makes a call as the step of that name, or answers from the journal where this step of this event
// was answered before. An error says why there is no answer; handed on, it ends the handler well: what
// was not applied is tried again, the rest is for an operator.
func Call(step string, request Request) (Response, error) {
	result := host.call(step, request.contract())
	if result.IsErr() {
		return Response{}, unanswered(result.Err())
	}
	answer := result.Ok()
	response := Response{Status: answer.Status, Header: make(map[string]string, len(answer.Headers)), Body: answer.Body}
	for _, header := range answer.Headers {
		response.Header[header.F0] = header.F1
	}
	return response, nil
}

// CallOK is Call for the plain case: a status that is not 2xx is a rejection.
func CallOK(step string, request Request) (Response, error) {
	response, err := Call(step, request)
	if err == nil && !response.IsSuccess() {
		err = response.Refusal("a call failed")
	}
	return response, err
}

// CallOrSettle makes a call; where the step is in doubt, look finds out in the ERP what became of it, and
// the step is settled so. It is given the host's words, and makes its own calls under Fresh names: an old
// answer would not settle anything.
func CallOrSettle(step string, request Request, look func(doubt string) (Settlement, error)) (Response, error) {
	response, err := Call(step, request)
	var doubt InDoubt
	if !errors.As(err, &doubt) {
		return response, err
	}
	settlement, err := look(doubt.Words)
	if err != nil {
		return Response{}, err
	}
	if err := Settle(step, settlement); err != nil {
		return Response{}, err
	}
	return Call(step, request)
}

// Settle says what became of a step that is in doubt.
func Settle(step string, settlement Settlement) error {
	if result := host.settle(step, settlement); result.IsErr() {
		return Reject("step `%s` cannot be settled: %s", step, result.Err())
	}
	return nil
}

// Fresh is a step name that is asked afresh on each attempt: `state` becomes `state#2` on the second.
// Only for reads: a write under such a name would be repeated by each retry.
func Fresh(delivery Delivery, step string) string { return fmt.Sprintf("%s#%d", step, delivery.Attempt) }

func unanswered(err connection.CallError) error {
	switch err.Tag() {
	case connection.CallErrorUnavailable:
		return retry{err.Unavailable().Reason, err.Unavailable().AfterMs}
	case connection.CallErrorDenied:
		return Reject("a call was denied: %s", err.Denied())
	case connection.CallErrorTooLarge:
		return Reject("a call is too large: %s", err.TooLarge())
	case connection.CallErrorDiverged:
		return Reject("a step was answered before, with another request: %s", err.Diverged())
	default:
		return InDoubt{err.InDoubt()}
	}
}

func (request Request) contract() connection.Request {
	headers := make([]witTypes.Tuple2[string, string], len(request.headers))
	for at, header := range request.headers {
		headers[at] = witTypes.Tuple2[string, string]{F0: header[0], F1: header[1]}
	}
	body := witTypes.None[[]uint8]()
	if request.body != nil {
		body = witTypes.Some(request.body)
	}
	return connection.Request{Connection: request.connection, Method: request.method, Path: request.path, Headers: headers, Body: body}
}
