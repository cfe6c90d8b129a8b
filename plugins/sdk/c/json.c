// JSON: as much as a plugin needs to write a body and to read a value of an answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mortar.h"

// Deeper than any answer: the host lets no body through that is nested more than 64 times.
#define DEPTH 100

struct mortar_json {
    char *text;
    size_t length, room;
    char close;
    bool empty;
};

// ------------------------------------------------------------ writing

static void append(mortar_json *json, const char *text, size_t length) {
    if (json->length + length + 2 > json->room) {
        json->room = 2 * (json->length + length + 2);
        json->text = realloc(json->text, json->room);
        if (json->text == NULL) __builtin_trap();
    }
    memcpy(json->text + json->length, text, length);
    json->length += length;
}

static void append_string(mortar_json *json, const char *text) {
    append(json, "\"", 1);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        char escaped[7];
        if (c == '"' || c == '\\') {
            append(json, escaped, (size_t)sprintf(escaped, "\\%c", c));
        } else if (c < ' ') {
            append(json, escaped, (size_t)sprintf(escaped, "\\u%04x", c));
        } else {
            append(json, text, 1);
        }
    }
    append(json, "\"", 1);
}

static mortar_json *opened(char open, char close) {
    mortar_json *json = calloc(1, sizeof *json);
    if (json == NULL) __builtin_trap();
    json->close = close;
    json->empty = true;
    append(json, &open, 1);
    return json;
}

mortar_json *mortar_json_object(void) { return opened('{', '}'); }

mortar_json *mortar_json_array(void) { return opened('[', ']'); }

static void append_value(mortar_json *json, const char *key, const char *value) {
    if (!json->empty) append(json, ",", 1);
    json->empty = false;
    if (key != NULL) {
        append_string(json, key);
        append(json, ":", 1);
    }
    append(json, value, strlen(value));
}

void mortar_json_text(mortar_json *json, const char *key, const char *value) {
    append_value(json, key, value ? "" : "null");
    if (value != NULL) append_string(json, value);
}

void mortar_json_integer(mortar_json *json, const char *key, const int64_t *value) {
    append_value(json, key, value ? mortar_format("%lld", (long long)*value) : "null");
}

void mortar_json_number(mortar_json *json, const char *key, const double *value) {
    append_value(json, key, value ? mortar_format("%.17g", *value) : "null");
}

void mortar_json_bool(mortar_json *json, const char *key, bool value) { append_value(json, key, value ? "true" : "false"); }

void mortar_json_add(mortar_json *json, const char *key, mortar_json *value) {
    append_value(json, key, value ? mortar_json_written(value) : "null");
}

const char *mortar_json_written(mortar_json *json) {
    // There is room for both; more can be appended over them.
    json->text[json->length] = json->close;
    json->text[json->length + 1] = '\0';
    return mortar_format("%s", json->text);
}

// ------------------------------------------------------------ reading

static const char *blanks(const char *at) { return at + strspn(at, " \t\r\n"); }

// Past a string; NULL where it does not end.
static const char *past_string(const char *at) {
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) at++;
    }
    return *at ? at + 1 : NULL;
}

// Past a value; NULL where it does not end.
static const char *past_value(const char *at, int depth) {
    if (*at == '"') return past_string(at);
    if (*at != '{' && *at != '[') {
        size_t length = strcspn(at, ",]} \t\r\n");
        return length ? at + length : NULL;
    }
    char close = *at == '{' ? '}' : ']';
    at = blanks(at + 1);
    while (depth < DEPTH && *at && *at != close) {
        at = past_value(at, depth + 1);
        if (at == NULL) return NULL;
        at = blanks(at);
        if (*at == ':' || *at == ',') at = blanks(at + 1);
    }
    return *at == close ? at + 1 : NULL;
}

static char *utf8(char *to, unsigned long code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

static unsigned long hex4(const char *at) {
    char digits[5] = {0};
    strncpy(digits, at, 4);
    return strtoul(digits, NULL, 16);
}

// The text between two quotes, its escapes resolved.
static const char *unescaped(const char *from, const char *end) {
    static const char escapes[] = "b\bf\fn\nr\rt\t";
    char *text = malloc((size_t)(end - from) + 1), *to = text;
    if (text == NULL) __builtin_trap();
    while (from < end) {
        if (*from != '\\') {
            *to++ = *from++;
        } else if (from[1] != 'u') {
            const char *known = strchr(escapes, from[1]);
            *to++ = known && (known - escapes) % 2 == 0 ? known[1] : from[1];
            from += 2;
        } else {
            unsigned long code = end - from >= 6 ? hex4(from + 2) : 0xFFFD;
            from += end - from >= 6 ? 6 : end - from;
            if (code >= 0xD800 && code < 0xDC00 && end - from >= 6 && from[0] == '\\' && from[1] == 'u') {
                code = 0x10000 + ((code - 0xD800) << 10) + (hex4(from + 2) - 0xDC00);
                from += 6;
            }
            to = utf8(to, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
        }
    }
    *to = '\0';
    return text;
}

// The member of that name, or the element of that number; NULL where there is none.
static const char *member(const char *at, const char *name, size_t length) {
    bool object = *at == '{';
    if (!object && *at != '[') return NULL;
    at = blanks(at + 1);
    for (unsigned long index = 0; *at && *at != '}' && *at != ']'; index++) {
        bool here = !object && length && strspn(name, "0123456789") >= length && strtoul(name, NULL, 10) == index;
        if (object) {
            const char *end = *at == '"' ? past_string(at) : NULL;
            if (end == NULL) return NULL;
            const char *key = unescaped(at + 1, end - 1);
            here = strlen(key) == length && memcmp(key, name, length) == 0;
            at = blanks(end);
            if (*at != ':') return NULL;
            at = blanks(at + 1);
        }
        if (here) return at;
        at = past_value(at, 0);
        if (at == NULL) return NULL;
        at = blanks(at);
        if (*at == ',') at = blanks(at + 1);
    }
    return NULL;
}

const char *mortar_json_read(const char *json, const char *path) {
    const char *at = blanks(json);
    while (at != NULL && *path) {
        size_t length = strcspn(path, ".");
        at = member(at, path, length);
        path += length + (path[length] == '.');
    }
    const char *end = at ? past_value(at, 0) : NULL;
    if (end == NULL) return NULL;
    if (*at == '"') return unescaped(at + 1, end - 1);
    const char *value = mortar_format("%.*s", (int)(end - at), at);
    return strcmp(value, "null") == 0 ? NULL : value;
}
