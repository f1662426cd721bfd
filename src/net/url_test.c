/* Tests of net/url.h. */
#include "net/url.h"

#include "base/random.h"
#include "base/test.h"

TEST(url, decoding_undoes_escapes_and_says_which_one_is_wrong)
{
    static const struct {
        Str in;
        bool plus;
        Str out; /* ptr NULL: an error */
        const char *message;
    } cases[] = {
        {STR_INIT(""), true, STR_INIT(""), NULL},
        {STR_INIT("up"), true, STR_INIT("up"), NULL},
        {STR_INIT("a+b"), true, STR_INIT("a b"), NULL},
        {STR_INIT("a+b"), false, STR_INIT("a+b"), NULL},
        {STR_INIT("%7B%7d"), true, STR_INIT("{}"), NULL},
        {STR_INIT("%00"), true, STR_INIT("\0"), NULL},
        {STR_INIT("a%zz"), true, {NULL, 0}, "invalid URL escape \"%zz\""},
        {STR_INIT("a%4"), true, {NULL, 0}, "invalid URL escape \"%4\""},
        {STR_INIT("a%"), true, {NULL, 0}, "invalid URL escape \"%\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Arena arena;
        arena_init(&arena, KIB);
        Str out = S("untouched");
        Err err = {0};
        bool ok = url_decode(cases[i].in, cases[i].plus, &arena, &out, &err);
        if (cases[i].out.ptr) {
            CHECK_OK(ok, &err);
            CHECK_STR(out, cases[i].out);
        } else {
            CHECK(!ok);
            CHECK_STR(out, S("untouched"));
            CHECK_STR(str_from(err.message), str_from(cases[i].message));
        }
        arena_done(&arena);
    }
}

TEST(url, what_is_encoded_decodes_to_itself)
{
    Random random;
    random_seed(&random, test_seed());
    for (int run = 0; run < 500; run++) {
        char bytes[64];
        size_t len = random_below(&random, sizeof(bytes));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)random_u64(&random);
        }
        Arena arena;
        arena_init(&arena, KIB);
        Buf out;
        buf_init(&out, KIB);
        Str back;
        Err err;
        url_encode(&out, (Str){.ptr = bytes, .len = len});
        CHECK_OK(url_decode(buf_view(&out), run & 1, &arena, &back, &err), &err);
        CHECK_STR(back, ((Str){.ptr = bytes, .len = len}));
        buf_done(&out);
        arena_done(&arena);
    }
}

TEST(url, an_absolute_url_falls_into_its_parts)
{
    Url url;
    Err err;
    CHECK_OK(url_parse(S("https://me:pw@[::1]:9090/a/b?c=d#e"), &url, &err), &err);
    CHECK_STR(url.scheme, S("https"));
    CHECK_STR(url.user_info, S("me:pw"));
    CHECK_STR(url.host, S("::1"));
    CHECK_STR(url.port, S("9090"));
    CHECK_STR(url.path, S("/a/b"));
    CHECK_STR(url.query, S("c=d"));
    CHECK_STR(url.fragment, S("e"));
    CHECK_OK(url_parse(S("http://host"), &url, &err), &err);
    CHECK_STR(url.host, S("host"));
    CHECK_STR(url.port, S(""));
    CHECK_STR(url.path, S(""));
}

TEST(url, what_is_no_absolute_url_is_refused_without_touching_the_output)
{
    static const Str bad[] = {
        STR_INIT(""),
        STR_INIT("/path"),
        STR_INIT("host:80"),
        STR_INIT("://host"),
        STR_INIT("9p://host"),
        STR_INIT("http://"),
        STR_INIT("http://:80"),
        STR_INIT("http://a:b"),
        STR_INIT("http://a:70000"),
        STR_INIT("http://[::1"),
        STR_INIT("http://a b/"),
        STR_INIT("http://a\n"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Url url = {.host = STR_INIT("untouched")};
        Err err;
        CHECK(!url_parse(bad[i], &url, &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_STR(url.host, S("untouched"));
    }
}
