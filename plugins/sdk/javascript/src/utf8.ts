/** UTF-8, for which QuickJS has no words of its own. */

export function encode(text: string): Uint8Array {
    const escaped = encodeURIComponent(text.toWellFormed());
    const bytes: number[] = [];
    for (let at = 0; at < escaped.length; at++) {
        if (escaped[at] === "%") {
            bytes.push(Number.parseInt(escaped.slice(at + 1, at + 3), 16));
            at += 2;
        } else {
            bytes.push(escaped.charCodeAt(at));
        }
    }
    return Uint8Array.from(bytes);
}

/** Where the bytes are not UTF-8, each that is not ASCII becomes a replacement character. */
export function decode(bytes: Uint8Array | number[]): string {
    let ascii = true;
    let text = "";
    for (const byte of bytes) {
        ascii &&= byte < 0x80;
        text += String.fromCharCode(byte);
    }
    if (ascii) return text;
    try {
        return decodeURIComponent(text.replace(/[%\x80-\xff]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`));
    } catch {
        return text.replace(/[\x80-\xff]/g, "\ufffd");
    }
}
