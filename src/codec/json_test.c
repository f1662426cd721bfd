/* Tests of codec/json.h: the reader against tables and the files of tests/corpus/json, the writer
 * against what it must print. */
#include "codec/json.h"

#include "base/test.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_MAX = 256 * 1024, /* bytes of a corpus file */
    CASES_MIN = 200,       /* accept and reject files together */
};

static Arena arena;

static JsonReader start(const char *text)
{
    JsonReader reader;
    arena_done(&arena);
    arena_init(&arena, 1 * MIB);
    json_init(&reader, str_from(text), &arena);
    return reader;
}

static bool accepts(Str text, Err *err)
{
    JsonReader reader;
    json_init(&reader, text, NULL);
    (void)json_skip(&reader);
    return json_finish(&reader, err);
}

/* Every file of a folder must be taken, or refused with a place inside the text. */
static size_t check_folder(const char *folder, bool want)
{
    static char text[FILE_MAX];
    size_t count = 0;
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/tests/corpus/json/%s", VIGIE_SOURCE_ROOT, folder);
    DIR *dir = opendir(path);
    CHECK(dir != NULL);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/tests/corpus/json/%s/%s", VIGIE_SOURCE_ROOT, folder,
                       entry->d_name);
        FILE *file = fopen(path, "rb");
        CHECK(file != NULL);
        size_t size = fread(text, 1, sizeof(text), file);
        (void)fclose(file);
        Err err = {0};
        if (accepts((Str){.ptr = text, .len = size}, &err) != want) {
            (void)fprintf(stderr, "%s: %s\n", path, err.message);
            CHECK(false);
        }
        if (!want) {
            CHECK(err.code == ERR_INVALID || err.code == ERR_LIMIT);
            CHECK(err.pos <= size && err.line > 0 && err.column > 0);
        }
        count++;
    }
    (void)closedir(dir);
    return count;
}

TEST(json, takes_and_refuses_what_rfc_8259_does)
{
    size_t accepted = check_folder("accept", true);
    size_t refused = check_folder("reject", false);
    CHECK(accepted + refused >= CASES_MIN);
}

TEST(json, reads_an_object_field_by_field)
{
    JsonReader reader = start(" {\"name\": \"a\\nb\", \"n\": -12, \"x\": 1.5e3, \"on\": true,"
                              " \"none\": null, \"skip\": [1, {\"y\": []}], \"list\": [1, 2, 3]} ");
    Str key;
    Str name = {0};
    i64 n = 0;
    f64 x = 0;
    bool on = false;
    i64 sum = 0;
    CHECK(json_begin_object(&reader));
    while (json_next_key(&reader, &key)) {
        if (str_eq(key, S("name"))) {
            CHECK(json_str(&reader, &name));
        } else if (str_eq(key, S("n"))) {
            CHECK(json_i64(&reader, &n));
        } else if (str_eq(key, S("x"))) {
            CHECK(json_f64(&reader, &x));
        } else if (str_eq(key, S("on"))) {
            CHECK(json_bool(&reader, &on));
        } else if (str_eq(key, S("none"))) {
            CHECK(json_null(&reader));
        } else if (str_eq(key, S("list"))) {
            CHECK(json_begin_array(&reader));
            while (json_next_item(&reader)) {
                i64 item;
                CHECK(json_i64(&reader, &item));
                sum += item;
            }
        } else {
            CHECK(json_skip(&reader));
        }
    }
    Err err;
    CHECK_OK(json_finish(&reader, &err), &err);
    CHECK_STR(name, S("a\nb"));
    CHECK_I64(n, -12);
    CHECK_F64(x, 1500);
    CHECK(on);
    CHECK_I64(sum, 6);
}

TEST(json, strings_borrow_the_text_unless_escaped)
{
    const char *text = "[\"plain\", \"esc\\u0061ped\"]";
    JsonReader reader = start(text);
    Str plain = {0};
    Str escaped = {0};
    CHECK(json_begin_array(&reader) && json_next_item(&reader) && json_str(&reader, &plain));
    CHECK(json_next_item(&reader) && json_str(&reader, &escaped));
    CHECK(plain.ptr == text + 2);
    CHECK_STR(escaped, S("escaped"));
    CHECK(escaped.ptr < text || escaped.ptr > text + strlen(text));
    CHECK_U64(escaped.ptr[escaped.len], 0);
}

TEST(json, escapes_become_utf8)
{
    static const struct {
        const char *json;
        Str want;
    } rows[] = {
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", STR_INIT("\"\\/\b\f\n\r\t")},
        {"\"\\u0041\\u00e9\\u20AC\"", STR_INIT("Aé€")},
        {"\"\\ud83d\\ude00!\"", STR_INIT("😀!")},
        {"\"\\u0000\"", STR_INIT("\0")},
        {"\"\\ud800\"", STR_INIT("\xef\xbf\xbd")},
        {"\"\\udc00x\"", STR_INIT("\xef\xbf\xbdx")},
        {"\"\\ud800\\u0041\"", STR_INIT("\xef\xbf\xbd"
                                        "A")},
        {"\"\\ud800\\ud83d\\ude00\"", STR_INIT("\xef\xbf\xbd😀")},
        {"\"\\udbff\\udfff\"", STR_INIT("\xf4\x8f\xbf\xbf")},
        {"\"a\\\\u0041\"", STR_INIT("a\\u0041")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        JsonReader reader = start(rows[i].json);
        Str got;
        Err err;
        CHECK(json_str(&reader, &got));
        CHECK_OK(json_finish(&reader, &err), &err);
        CHECK_STR(got, rows[i].want);
    }
}

TEST(json, kinds_are_told_before_reading)
{
    static const struct {
        const char *json;
        JsonKind kind;
    } rows[] = {{" {}", JSON_OBJECT},  {"[]", JSON_ARRAY},  {"\"\"", JSON_STRING},
                {"-1", JSON_NUMBER},   {"9", JSON_NUMBER},  {"true", JSON_TRUE},
                {"false", JSON_FALSE}, {"null", JSON_NULL}, {"", JSON_BAD},
                {"x", JSON_BAD},       {"+1", JSON_BAD},    {"]", JSON_BAD}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        JsonReader reader = start(rows[i].json);
        CHECK_I64(json_peek(&reader), rows[i].kind);
        CHECK_I64(json_peek(&reader), rows[i].kind);
    }
}

TEST(json, numbers_come_as_float_integer_or_text)
{
    JsonReader reader = start("[-9223372036854775808, 1e3, 0.1, 12345678901234567890123]");
    i64 lowest = 0;
    f64 thousand = 0;
    f64 tenth = 0;
    Str text = {0};
    Err err;
    CHECK(json_begin_array(&reader));
    CHECK(json_next_item(&reader) && json_i64(&reader, &lowest));
    CHECK(json_next_item(&reader) && json_f64(&reader, &thousand));
    CHECK(json_next_item(&reader) && json_f64(&reader, &tenth));
    CHECK(json_next_item(&reader) && json_number_text(&reader, &text));
    CHECK(!json_next_item(&reader));
    CHECK_OK(json_finish(&reader, &err), &err);
    CHECK_I64(lowest, INT64_MIN);
    CHECK_F64(thousand, 1000);
    CHECK_F64(tenth, 0.1);
    CHECK_STR(text, S("12345678901234567890123"));
}

TEST(json, a_value_can_be_taken_as_its_bytes)
{
    JsonReader reader = start("{\"a\" : {\"b\": [1, \"]}\"]} , \"c\":1}");
    Str key;
    Str raw;
    Err err;
    CHECK(json_begin_object(&reader) && json_next_key(&reader, &key));
    CHECK(json_raw(&reader, &raw));
    CHECK_STR(raw, S("{\"b\": [1, \"]}\"]}"));
    CHECK(json_next_key(&reader, &key) && json_skip(&reader) && !json_next_key(&reader, &key));
    CHECK_OK(json_finish(&reader, &err), &err);
}

/* What a caller asks for and does not find. Nothing is written, and the first error stays. */
TEST(json, the_wrong_kind_is_an_error_and_leaves_outputs_alone)
{
    f64 number = 7;
    i64 integer = 7;
    bool flag = true;
    Str text = S("untouched");
    static const char *const not_integers[] = {
        "1.5", "1e2", "9223372036854775808", "true", "\"1\"", "", "[1]", "null"};
    for (size_t i = 0; i < COUNT_OF(not_integers); i++) {
        JsonReader reader = start(not_integers[i]);
        CHECK(!json_i64(&reader, &integer));
        CHECK(!json_finish(&reader, NULL));
    }
    static const char *const not_floats[] = {"1e999", "\"1\"", "", "nul", "{}", "1.", "-"};
    for (size_t i = 0; i < COUNT_OF(not_floats); i++) {
        JsonReader reader = start(not_floats[i]);
        CHECK(!json_f64(&reader, &number));
        CHECK(!json_finish(&reader, NULL));
    }
    static const char *const not_strings[] = {"1", "null", "{\"a\":1}", "[\"a\"]",
                                              "",  "\"a",  "'a'"};
    for (size_t i = 0; i < COUNT_OF(not_strings); i++) {
        JsonReader reader = start(not_strings[i]);
        CHECK(!json_str(&reader, &text));
        CHECK(!json_bool(&reader, &flag));
        CHECK(!json_null(&reader));
        CHECK(!json_finish(&reader, NULL));
    }
    CHECK_F64(number, 7);
    CHECK_I64(integer, 7);
    CHECK(flag);
    CHECK_STR(text, S("untouched"));
}

TEST(json, the_first_error_is_reported_with_its_place)
{
    static const struct {
        const char *json;
        u32 line;
        u32 column;
        const char *message;
    } rows[] = {
        {"", 1, 1, "the text ends too early"},
        {" \n ", 2, 2, "the text ends too early"},
        {"{\n  \"a\": tru\n}", 2, 8, "expected a value"},
        {"[1,\n2,\n]", 3, 1, "a comma stands before the closing bracket"},
        {"[1 2]", 1, 4, "expected ',' or ']'"},
        {"{\"a\" 1}", 1, 6, "expected ':'"},
        {"{a:1}", 1, 2, "expected a key in quotes"},
        {"{\"a\":1,\n \"b", 2, 4, "the text ends inside a string"},
        {"[1", 1, 3, "the text ends too early"},
        {"1 x", 1, 3, "something stands behind the value"},
        {"\"a\\x\"", 1, 3, "not an escape sequence"},
        {"\"a\tb\"", 1, 3, "a control character in a string must be escaped"},
        {"[\"ab\xff\"]", 1, 5, "not valid UTF-8"},
        {"[01]", 1, 2, "not a number as JSON writes it"},
        {"[1.]", 1, 2, "not a number as JSON writes it"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = {0};
        CHECK(!accepts(str_from(rows[i].json), &err));
        CHECK_STR(str_from(err.message), str_from(rows[i].message));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_U64(err.line, rows[i].line);
        CHECK_U64(err.column, rows[i].column);
    }
}

TEST(json, a_callers_objection_is_reported_where_it_was_made)
{
    JsonReader reader = start("{\"a\": 5}");
    Str key;
    i64 number;
    Err err;
    CHECK(json_begin_object(&reader) && json_next_key(&reader, &key));
    CHECK(json_i64(&reader, &number));
    CHECK(!json_fail(&reader, "too large"));
    CHECK(!json_fail(&reader, "a later one"));
    CHECK(!json_next_key(&reader, &key));
    CHECK(!json_finish(&reader, &err));
    CHECK_STR(str_from(err.message), S("too large"));
    CHECK_U64(err.pos, 7);
}

TEST(json, what_was_not_read_to_its_end_is_not_finished)
{
    JsonReader reader = start("[1]");
    Err err;
    CHECK(json_begin_array(&reader));
    CHECK(!json_finish(&reader, &err));
    reader = start("[1]");
    CHECK(!json_begin_object(&reader));
    CHECK(!json_finish(&reader, &err));
    CHECK_STR(str_from(err.message), S("expected an object"));
    reader = start("5");
    CHECK(!json_finish(&reader, &err));
    CHECK_STR(str_from(err.message), S("something stands behind the value"));
    reader = start(" ");
    CHECK(!json_finish(&reader, &err));
    CHECK_STR(str_from(err.message), S("no value at all"));
}

TEST(json, limits_are_errors_of_their_own)
{
    char deep[JSON_DEPTH_MAX + 1];
    memset(deep, '[', sizeof(deep));
    Err err = {0};
    CHECK(!accepts((Str){.ptr = deep, .len = sizeof(deep)}, &err));
    CHECK_I64(err.code, ERR_LIMIT);

    Arena small;
    arena_init(&small, 16);
    JsonReader reader;
    Str text = S("untouched");
    json_init(&reader, S("\"this text with \\n is too long\""), &small);
    CHECK(!json_str(&reader, &text));
    CHECK(!json_finish(&reader, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_STR(text, S("untouched"));
    arena_done(&small);
}

TEST(json, writer_places_commas_and_colons)
{
    Buf buf;
    JsonWriter writer;
    buf_init(&buf, 4096);
    json_writer_init(&writer, &buf);
    json_object(&writer);
    json_key_str(&writer, "s", S("x"));
    json_key_i64(&writer, "i", -5);
    json_key_bool(&writer, "b", false);
    json_key(&writer, S("a"));
    json_array(&writer);
    json_put_u64(&writer, UINT64_MAX);
    json_put_null(&writer);
    json_array(&writer);
    json_array_end(&writer);
    json_object(&writer);
    json_object_end(&writer);
    json_put_raw(&writer, S("[1]"));
    json_array_end(&writer);
    json_key(&writer, S("f"));
    json_put_f64(&writer, 0.5);
    json_object_end(&writer);
    CHECK_STR(buf_view(&buf), S("{\"s\":\"x\",\"i\":-5,\"b\":false,"
                                "\"a\":[18446744073709551615,null,[],{},[1]],\"f\":0.5}"));
    CHECK_U64(writer.depth, 0);
    buf_done(&buf);
}

TEST(json, writer_escapes_as_go_does)
{
    static const struct {
        Str text;
        const char *want;
    } rows[] = {
        {STR_INIT(""), "\"\""},
        {STR_INIT("plain <&> 'text' /"), "\"plain <&> 'text' /\""},
        {STR_INIT("\"\\"), "\"\\\"\\\\\""},
        {STR_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {STR_INIT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
        {STR_INIT("déjà €😀"), "\"déjà €😀\""},
        {STR_INIT("\xe2\x80\xa8\xe2\x80\xa9"), "\"\\u2028\\u2029\""},
        {STR_INIT("a\xff"
                  "b\xc3"),
         "\"a\\ufffdb\\ufffd\""},
        {STR_INIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""},
        {STR_INIT("0123456789abcdef\n0123456789abcdef"), "\"0123456789abcdef\\n0123456789abcdef\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf buf;
        JsonWriter writer;
        Err err;
        buf_init(&buf, 4096);
        json_writer_init(&writer, &buf);
        json_put_str(&writer, rows[i].text);
        CHECK_STR(buf_view(&buf), str_from(rows[i].want));
        CHECK_OK(accepts(buf_view(&buf), &err), &err);
        buf_done(&buf);
    }
}

TEST(json, writer_prints_the_shortest_number)
{
    static const struct {
        f64 value;
        const char *want;
    } rows[] = {{0, "0"},           {-0.0, "-0"},       {1e6, "1000000"},     {1e21, "1e+21"},
                {1e-6, "0.000001"}, {1e-7, "1e-7"},     {1.5e-10, "1.5e-10"}, {0.1, "0.1"},
                {NAN, "null"},      {INFINITY, "null"}, {-INFINITY, "null"},  {5e-324, "5e-324"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Buf buf;
        JsonWriter writer;
        buf_init(&buf, 64);
        json_writer_init(&writer, &buf);
        json_put_f64(&writer, rows[i].value);
        CHECK_STR(buf_view(&buf), str_from(rows[i].want));
        buf_done(&buf);
    }
}
