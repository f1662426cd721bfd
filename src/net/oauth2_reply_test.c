/* Tests of net/oauth2_reply.h and net/oauth2_copy.h. */
#include "net/oauth2_reply.h"

#include "base/test.h"
#include "net/oauth2_copy.h"

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded; charset=utf-8"

TEST(oauth2_reply, tokens_are_read_as_json_and_as_a_form)
{
    static const struct {
        const char *type;
        const char *body;
        const char *token;
        const char *token_type;
        i64 life_s;
    } cases[] = {
        {JSON, "{\"access_token\":\"a.b\",\"token_type\":\"bearer\",\"expires_in\":3600}", "a.b",
         "Bearer", 3600},
        {JSON, "{\"access_token\":\"t\",\"expires_in\":\"60\",\"scope\":[1,{}]}", "t", "Bearer",
         60},
        {"", "{\"access_token\":\"t\",\"token_type\":\"MAC\",\"expires_in\":null}", "t", "MAC", 0},
        {JSON, "{\"access_token\":\"\\u0074\",\"expires_in\":9223372036854775807}", "t", "Bearer",
         315360000},
        {FORM, "access_token=a%2Bb&token_type=BEARER&expires_in=5&x", "a+b", "Bearer", 5},
        {"text/plain", "access_token=t", "t", "Bearer", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Arena arena;
        TokenReply reply;
        Err err;
        arena_init(&arena, MIB);
        CHECK_OK(token_reply_parse(200, str_from(cases[i].type), str_from(cases[i].body), S("s3"),
                                   &arena, &reply, &err),
                 &err);
        CHECK_STR(reply.token, str_from(cases[i].token));
        CHECK_STR(reply.type, str_from(cases[i].token_type));
        CHECK_I64(reply.expires_in_s, cases[i].life_s);
        arena_done(&arena);
    }
}

TEST(oauth2_reply, what_is_no_token_is_said_and_never_holds_the_secret)
{
    static const struct {
        u32 status;
        const char *type;
        const char *body;
        ErrCode code;
        const char *message;
    } cases[] = {
        {401, JSON, "{\"error\":\"invalid_client\",\"error_description\":\"who\\nare you\"}",
         ERR_UNAVAILABLE, "the token address answered 401: invalid_client: who?are you"},
        {400, JSON, "{\"error\":\"invalid_client\",\"error_description\":\"not hunter2\"}",
         ERR_UNAVAILABLE, "the token address answered 400: invalid_client"},
        {500, "text/html", "<html>hunter2", ERR_UNAVAILABLE, "the token address answered 500"},
        {302, JSON, "", ERR_UNAVAILABLE, "the token address answered 302"},
        {200, JSON, "{\"error\":\"slow_down\"}", ERR_UNAVAILABLE,
         "the token address answered 200: slow_down"},
        {200, FORM, "error=slow_down&access_token=t", ERR_UNAVAILABLE,
         "the token address answered 200: slow_down"},
        {200, JSON, "{}", ERR_INVALID, "the token address's answer has no access_token"},
        {200, JSON, "{\"access_token\":\"\"}", ERR_INVALID,
         "the token address's answer has no access_token"},
        {200, JSON, "{\"access_token\":\"t\",\"expires_in\":-1}", ERR_INVALID,
         "the token address's answer has a bad expires_in"},
        {200, JSON, "{\"access_token\":\"t\",\"expires_in\":1.5}", ERR_INVALID,
         "the token address's answer has a bad expires_in"},
        {200, JSON, "{\"access_token\":5}", ERR_INVALID, NULL},
        {200, JSON, "{\"access_token\":\"t\"", ERR_INVALID, NULL},
        {200, JSON, "access_token=t", ERR_INVALID, NULL},
        {200, FORM, "access_token=%zz", ERR_INVALID, NULL},
        {200, JSON, "", ERR_INVALID, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Arena arena;
        TokenReply reply = {.expires_in_s = -7};
        Err err;
        arena_init(&arena, MIB);
        CHECK(!token_reply_parse(cases[i].status, str_from(cases[i].type), str_from(cases[i].body),
                                 S("hunter2"), &arena, &reply, &err));
        CHECK_I64(err.code, cases[i].code);
        CHECK_I64(reply.expires_in_s, -7);
        if (cases[i].message) {
            CHECK_STR(str_from(err.message), str_from(cases[i].message));
        }
        arena_done(&arena);
    }
}

TEST(oauth2_reply, keys_are_equal_for_copies_and_differ_where_a_token_would)
{
    Str scopes[] = {S("a"), S("b")};
    Str joined[] = {S("ab")};
    NamedText params[] = {{S("audience"), S("x")}};
    Str secrets[] = {S("k")};
    ConfigHeader headers[] = {{.name = S("X"), .secrets = secrets, .secret_count = 1}};
    ConfigHeader plain[] = {{.name = S("X"), .values = secrets, .value_count = 1}};
    const OAuth2Config base = {.client_id = S("id"),
                               .client_secret = S("secret"),
                               .token_url = S("http://a/"),
                               .scopes = scopes,
                               .scope_count = 2,
                               .endpoint_params = params,
                               .endpoint_param_count = 1,
                               .proxy = {.connect_headers = headers, .connect_header_count = 1}};
    OAuth2Config configs[12];
    for (size_t i = 0; i < COUNT_OF(configs); i++) {
        configs[i] = base;
    }
    configs[1].client_id = S("ids");
    configs[1].client_secret = S("ecret"); /* the same bytes in a row */
    configs[2].client_secret = S("other");
    configs[3].token_url = S("http://b/");
    configs[4].scope_count = 1;
    configs[5].scopes = joined;
    configs[5].scope_count = 1;
    configs[6].endpoint_param_count = 0;
    configs[7].tls.insecure_skip_verify = true;
    configs[8].tls.min_version = TLS_VERSION_1_3;
    configs[9].proxy.from_environment = true;
    configs[10].proxy.connect_headers = plain;
    configs[11].client_secret = STR_EMPTY;
    configs[11].client_secret_file = S("secret");
    Buf keys[COUNT_OF(configs)];
    Arena arena;
    arena_init(&arena, MIB);
    for (size_t i = 0; i < COUNT_OF(configs); i++) {
        OAuth2Config copy;
        CLEANUP(buf_done) Buf of_copy;
        Err err;
        buf_init(&keys[i], MIB);
        buf_init(&of_copy, MIB);
        oauth2_config_key(&configs[i], &keys[i]);
        CHECK_OK(oauth2_config_copy(&configs[i], &arena, &copy, &err), &err);
        oauth2_config_key(&copy, &of_copy);
        CHECK(str_eq(buf_view(&keys[i]), buf_view(&of_copy)));
        CHECK(copy.scopes != configs[i].scopes && copy.token_url.ptr != configs[i].token_url.ptr);
        for (size_t j = 0; j < i; j++) {
            CHECK(!str_eq(buf_view(&keys[i]), buf_view(&keys[j])));
        }
    }
    for (size_t i = 0; i < COUNT_OF(configs); i++) {
        buf_done(&keys[i]);
    }
    arena_done(&arena);
}
