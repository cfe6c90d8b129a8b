package mortar

import (
	"errors"
	"fmt"
	"time"

	types "contract/mortar_plugin_types"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

type ignored string

func (reason ignored) Error() string { return string(reason) }

// Ignored ends a handler: nothing had to be done. Operators can list the reason.
func Ignored(reason string) error { return ignored(reason) }

type retry struct {
	reason  string
	afterMs Option[uint64]
}

func (retry retry) Error() string { return retry.reason }

// Reject ends a handler with a dead letter: no attempt can succeed, and the text says what an operator
// has to mend.
func Reject(format string, values ...any) error { return fmt.Errorf(format, values...) }

// Retry ends a handler: time may mend it, and the handler runs again when the retry policy says so.
func Retry(reason string) error { return retry{reason, witTypes.None[uint64]()} }

// RetryAfter ends a handler: time may mend it, and the handler runs again after this wait.
func RetryAfter(reason string, wait time.Duration) error {
	return retry{reason, witTypes.Some(uint64(max(wait, 0).Milliseconds()))}
}

func failed(err error) types.Failure {
	var retry retry
	if errors.As(err, &retry) {
		return types.MakeFailureRetry(types.Retry{Reason: err.Error(), AfterMs: retry.afterMs})
	}
	return types.MakeFailureReject(err.Error())
}
