/* Letter case: see letter_case.h. Layer: model. Memory: none. Thread: any. */
#include "model/letter_case.h"

#include "base/utf8.h"

#include <unicase.h>

static void change_case(Buf *out, Str s, ucs4_t (*change)(ucs4_t))
{
    while (s.len > 0) {
        char bytes[UTF8_MAX];
        u32 rune;
        size_t size = utf8_decode(s, &rune);
        buf_put(out, bytes, utf8_encode(change(rune), bytes));
        s = str_skip(s, size);
    }
}

void text_lower(Buf *out, Str s)
{
    change_case(out, s, uc_tolower);
}

void text_upper(Buf *out, Str s)
{
    change_case(out, s, uc_toupper);
}
