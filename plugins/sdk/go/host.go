package mortar

import (
	connection "contract/mortar_plugin_connection"
	mail "contract/mortar_plugin_mail"
	state "contract/mortar_plugin_state"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

// What the host offers. Outside a component there is none, so that plugins and the kit can be tested.
var host struct {
	call   func(string, connection.Request) witTypes.Result[connection.Response, connection.CallError]
	settle func(string, connection.Settlement) witTypes.Result[witTypes.Unit, string]
	config func() string
	get    func(string) Option[state.Entry]
	put    func(string, []uint8, uint64) witTypes.Result[witTypes.Unit, state.PutError]
	delete func(string, uint64) witTypes.Result[witTypes.Unit, state.PutError]
	mail   func(string, mail.Message) witTypes.Result[witTypes.Unit, connection.CallError]
	log    func(uint8, string)
}
