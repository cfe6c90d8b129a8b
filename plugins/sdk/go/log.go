package mortar

import (
	"fmt"

	log "contract/mortar_plugin_log"
)

// Lines for the operator, kept with the attempt. Never log credentials or a customer's personal data.

// Debug is detail for the author.
func Debug(format string, values ...any) { host.log(log.LevelDebug, fmt.Sprintf(format, values...)) }

// Info is what the plugin did.
func Info(format string, values ...any) { host.log(log.LevelInfo, fmt.Sprintf(format, values...)) }

// Warn is something odd that did not stop the plugin.
func Warn(format string, values ...any) { host.log(log.LevelWarn, fmt.Sprintf(format, values...)) }

// Error is something that an operator has to look at.
func Error(format string, values ...any) { host.log(log.LevelError, fmt.Sprintf(format, values...)) }
