package mortar

import (
	config "contract/mortar_plugin_config"
	connection "contract/mortar_plugin_connection"
	log "contract/mortar_plugin_log"
	mail "contract/mortar_plugin_mail"
	state "contract/mortar_plugin_state"
	// What the host calls.
	_ "contract/wit_exports"
)

func init() {
	host.call, host.settle = connection.Call, connection.Settle
	host.config = config.Json
	host.get, host.put, host.delete = state.Get, state.Put, state.Delete
	host.mail, host.log = mail.Send, log.Log
}
