/* ULIDs: see ulid.h. Layer: tsdb. Memory: none. Thread: any. */
#include "tsdb/ulid.h"

#include "os/process.h"

#include <string.h>

enum {
    TIME_BYTES = 6,
    LETTER_BITS = 5,
    SPARE_BITS = ULID_TEXT_SIZE * LETTER_BITS - ULID_SIZE * 8, /* above the first byte */
};

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

Ulid ulid_new(i64 t_ms)
{
    Ulid ulid;
    for (int i = 0; i < TIME_BYTES; i++) {
        ulid.bytes[i] = (u8)((u64)t_ms >> (8 * (TIME_BYTES - 1 - i)));
    }
    entropy_fill(ulid.bytes + TIME_BYTES, ULID_SIZE - TIME_BYTES);
    return ulid;
}

i64 ulid_time_ms(const Ulid *ulid)
{
    u64 time = 0;
    for (int i = 0; i < TIME_BYTES; i++) {
        time = time << 8 | ulid->bytes[i];
    }
    return (i64)time;
}

bool ulid_eq(const Ulid *a, const Ulid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static int letter_value(char letter)
{
    char upper = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
    const char *found = upper ? strchr(letters, upper) : NULL;
    return found ? (int)(found - letters) : -1;
}

bool ulid_parse(Str text, Ulid *ret)
{
    Ulid ulid = {0};
    if (text.len != ULID_TEXT_SIZE) {
        return false;
    }
    for (int i = 0; i < ULID_TEXT_SIZE; i++) {
        int value = letter_value(text.ptr[i]);
        if (value < 0 || (i == 0 && value >= 1 << (LETTER_BITS - SPARE_BITS))) {
            return false;
        }
        int last_bit = (i + 1) * LETTER_BITS - SPARE_BITS; /* behind the letter's */
        int byte = (last_bit - 1) / 8;
        int shift = (byte + 1) * 8 - last_bit;
        u32 bits = (u32)value << shift;
        ulid.bytes[byte] |= (u8)bits;
        if (bits > UINT8_MAX) {
            ulid.bytes[byte - 1] |= (u8)(bits >> 8);
        }
    }
    *ret = ulid;
    return true;
}

void ulid_format(const Ulid *ulid, char ret_text[ULID_TEXT_SIZE + 1])
{
    for (int i = 0; i < ULID_TEXT_SIZE; i++) {
        int last_bit = (i + 1) * LETTER_BITS - SPARE_BITS;
        int byte = (last_bit - 1) / 8;
        int shift = (byte + 1) * 8 - last_bit;
        u32 window = (u32)(byte > 0 ? ulid->bytes[byte - 1] : 0) << 8 | ulid->bytes[byte];
        ret_text[i] = letters[window >> shift & 31];
    }
    ret_text[ULID_TEXT_SIZE] = '\0';
}
