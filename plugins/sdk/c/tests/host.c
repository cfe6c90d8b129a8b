#include "host.h"

#include <string.h>

struct host host;

bool mortar_connection_call(plugin_string_t *step, mortar_request *request, mortar_response *ret, mortar_connection_call_error_t *err) {
    host.request = *request;
    if (host.failing > 0) {
        *err = host.errors[--host.failing];
        return false;
    }
    *ret = (mortar_response){.status = 201, .body = {.ptr = step->ptr, .len = step->len}};
    return true;
}

bool mortar_connection_settle(plugin_string_t *step, mortar_settlement *settlement, plugin_string_t *err) {
    (void)step, (void)settlement;
    host.settled++;
    if (host.unsettled) *err = mortar_string(host.unsettled);
    return host.unsettled == NULL;
}

bool mortar_config_get(plugin_string_t *key, plugin_string_t *ret) {
    *ret = mortar_string("FN1");
    return mortar_is(*key, "warehouse.code");
}

bool mortar_state_get(plugin_string_t *key, mortar_state_entry_t *ret) {
    (void)key;
    if (host.value == NULL) return false;
    plugin_string_t bytes = mortar_string(host.value);
    *ret = (mortar_state_entry_t){.value = {.ptr = bytes.ptr, .len = bytes.len}, .version = host.version};
    return true;
}

// Whether a write is refused: the store is full, or another delivery was faster.
static bool refused(uint64_t expected, mortar_state_put_error_t *err) {
    if (host.full) {
        *err = (mortar_state_put_error_t){.tag = MORTAR_STATE_PUT_ERROR_TOO_LARGE, .val = {.too_large = mortar_string("65 KiB")}};
        return true;
    }
    if (host.conflicts > 0 || expected != (host.value ? host.version : 0)) {
        host.conflicts--;
        host.value = "newer";
        host.version++;
        *err = (mortar_state_put_error_t){.tag = MORTAR_STATE_PUT_ERROR_CONFLICT, .val = {.conflict = host.version}};
        return true;
    }
    return false;
}

bool mortar_state_put(plugin_string_t *key, plugin_list_u8_t *value, uint64_t expected, mortar_state_put_error_t *err) {
    (void)key;
    if (refused(expected, err)) return false;
    host.value = mortar_text((plugin_string_t){.ptr = value->ptr, .len = value->len});
    host.version++;
    return true;
}

bool mortar_state_delete(plugin_string_t *key, uint64_t expected, mortar_state_put_error_t *err) {
    (void)key;
    if (refused(expected, err)) return false;
    host.value = NULL;
    return true;
}

bool mortar_mail_send(plugin_string_t *step, mortar_mail_message_t *message, mortar_mail_call_error_t *err) {
    (void)step, (void)err;
    host.message = *message;
    return true;
}

void mortar_log_log(mortar_log_level_t level, plugin_string_t *message) {
    host.level = level;
    host.line = mortar_text(*message);
}
