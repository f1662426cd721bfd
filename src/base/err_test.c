/* Tests of base/err.h. */
#include "base/err.h"

#include "base/test.h"
#include "base/utf8.h"

#include <errno.h>
#include <string.h>

TEST(err, every_setter_returns_false_and_replaces_all_of_the_old_error)
{
    Err err;
    memset(&err, 0xA5, sizeof(err));
    CHECK(!err_set_line(&err, ERR_INVALID, 3, 7, "bad %s", "key"));
    CHECK_STR(str_from(err.message), S("bad key"));
    CHECK_U64(err.line, 3);
    CHECK_U64(err.column, 7);
    CHECK_I64(err.sys_errno, 0);
    CHECK(!err_set_pos(&err, ERR_CORRUPT, 99, "bad byte"));
    CHECK_U64(err.pos, 99);
    CHECK_U64(err.line, 0);
    CHECK(!err_set_errno(&err, ENOENT, "open %s", "/x"));
    CHECK_STR(str_from(err.message), S("open /x: No such file or directory"));
    CHECK_I64(err.code, ERR_IO);
    CHECK_I64(err.sys_errno, ENOENT);
    CHECK_U64(err.pos, 0);
    CHECK(!err_set(&err, ERR_TIMEOUT, "too late"));
    CHECK_I64(err.sys_errno, 0);
    CHECK_I64(err.code, ERR_TIMEOUT);
    err_clear(&err);
    CHECK_I64(err.code, ERR_NONE);
    CHECK_STR(str_from(err.message), S(""));
}

TEST(err, nobody_needs_to_listen)
{
    CHECK(!err_set(NULL, ERR_INVALID, "x"));
    CHECK(!err_set_pos(NULL, ERR_INVALID, 1, "x"));
    CHECK(!err_set_line(NULL, ERR_INVALID, 1, 1, "x"));
    CHECK(!err_set_errno(NULL, ENOENT, "x"));
    CHECK(!err_wrap(NULL, "x"));
    err_clear(NULL);
}

TEST(err, a_wrap_puts_its_context_in_front_and_keeps_code_and_place)
{
    Err err;
    err_set_line(&err, ERR_INVALID, 3, 7, "unknown key");
    CHECK(!err_wrap(&err, "file %s", "a.yml"));
    CHECK_STR(str_from(err.message), S("file a.yml: unknown key"));
    CHECK_I64(err.code, ERR_INVALID);
    CHECK_U64(err.line, 3);
}

TEST(err, arguments_may_come_from_the_old_message)
{
    Err err;
    err_set(&err, ERR_IO, "cause");
    err_set(&err, ERR_INVALID, "new: %s", err.message);
    CHECK_STR(str_from(err.message), S("new: cause"));
}

TEST(err, long_texts_are_cut_at_a_rune_and_end_in_an_ellipsis)
{
    char text[3000];
    for (size_t shift = 0; shift < 4; shift++) {
        size_t at = shift;
        memset(text, 'x', shift);
        for (; at + 4 < sizeof(text); at += 3) {
            memcpy(text + at, "€", 3);
        }
        text[at] = '\0';
        Err errors[4];
        err_set(&errors[0], ERR_INVALID, "%s", text);
        err_set(&errors[1], ERR_INVALID, "cause");
        err_wrap(&errors[1], "%s", text);
        err_set(&errors[2], ERR_INVALID, "%s", text);
        err_wrap(&errors[2], "context");
        err_set_errno(&errors[3], ENOENT, "%s", text);
        for (size_t i = 0; i < COUNT_OF(errors); i++) {
            Str message = str_from(errors[i].message);
            CHECK(message.len < ERR_MESSAGE_MAX && message.len > ERR_MESSAGE_MAX - 10);
            CHECK(str_ends_with(message, S("…")));
            CHECK(utf8_valid(message));
        }
    }
}
