/* Regex program: see regex_program.h. Layer: codec. Thread: any. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "codec/regex_program.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/regex.h"

#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    PAREN_DEPTH_MAX = 2000,      /* what emission makes of REGEX_NEST_MAX groups */
    MATCH_LIMIT = 1000 * 1000,   /* steps back before a match is given up */
    DEPTH_LIMIT = 200 * 1000,    /* nested steps, interpreter only */
    HEAP_LIMIT_KIB = 64 * 1024,  /* interpreter only */
    JIT_STACK_FIRST = 32 * 1024, /* bytes */
    JIT_STACK_MAX = 1024 * 1024, /* bytes; past it the interpreter takes over */
};

struct RegexProgram {
    pcre2_code *code; /* owned */
    bool jit;
};

/* What one thread needs to match. */
typedef struct Matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
} Matcher;

static _Thread_local Matcher *thread_matcher;
static pthread_key_t matcher_key;
static pthread_once_t matcher_key_once = PTHREAD_ONCE_INIT;
static _Atomic u64 limit_hits;

static void matcher_free(void *self)
{
    Matcher *matcher = self;
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    pcre2_jit_stack_free(matcher->stack);
    mem_free(matcher);
    thread_matcher = NULL;
}

static void make_matcher_key(void)
{
    int failed = pthread_key_create(&matcher_key, matcher_free);
    ASSERT(failed == 0);
}

static const Matcher *matcher_get(void)
{
    if (thread_matcher) {
        return thread_matcher;
    }
    (void)pthread_once(&matcher_key_once, make_matcher_key);
    Matcher *matcher = MEM_NEW(Matcher);
    matcher->data = pcre2_match_data_create(REGEX_GROUPS_MAX, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    matcher->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
    ASSERT(matcher->data && matcher->context);
    (void)pcre2_set_match_limit(matcher->context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(matcher->context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(matcher->context, HEAP_LIMIT_KIB);
    if (matcher->stack) {
        pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
    }
    (void)pthread_setspecific(matcher_key, matcher);
    thread_matcher = matcher;
    return matcher;
}

u64 regex_program_limit_hits(void)
{
    return atomic_load_explicit(&limit_hits, memory_order_relaxed);
}

static bool refuse(Err *err, int code)
{
    enum { TOO_LARGE = 120, PARENS_TOO_DEEP = 119, TOO_MANY_GROUPS = 186 };
    if (code == TOO_LARGE || code == PARENS_TOO_DEEP || code == TOO_MANY_GROUPS) {
        return err_set(err, ERR_LIMIT, "error parsing regexp: expression too large");
    }
    char reason[256];
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
    return err_set(err, ERR_UNSUPPORTED, "error parsing regexp: %s", reason);
}

bool regex_program_new(Str pattern, bool caseless, RegexProgram **ret, Err *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    ASSERT(context);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    (void)pcre2_set_parens_nest_limit(context, PAREN_DEPTH_MAX);
    /* Without start optimisations: with them the JIT of PCRE2 up to 10.42 remembers where a first
     * loop failed and misses matches that begin elsewhere: (aa|a)b*a does not find aa
     * (PCRE2Project/pcre2 issue 336). The caller looks for a literal prefix itself. */
    u32 options = PCRE2_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C |
                  PCRE2_NO_START_OPTIMIZE | (caseless ? PCRE2_CASELESS : 0);
    int code;
    size_t offset;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, options, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (!compiled) {
        return refuse(err, code);
    }
    RegexProgram *program = MEM_NEW(RegexProgram);
    program->code = compiled;
    program->jit = pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE) == 0;
    *ret = program;
    return true;
}

void regex_program_free(RegexProgram *program)
{
    if (program) {
        pcre2_code_free(program->code);
        mem_free(program);
    }
}

/* The number of groups in the match data, or 0. */
static size_t run_valid(const RegexProgram *program, Str subject, size_t from,
                        const Matcher *matcher)
{
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.ptr ? subject.ptr : "");
    int result = PCRE2_ERROR_JIT_STACKLIMIT;
    if (program->jit) {
        result = pcre2_jit_match(program->code, text, subject.len, from, PCRE2_NO_UTF_CHECK,
                                 matcher->data, matcher->context);
    }
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
        result = pcre2_match(program->code, text, subject.len, from,
                             PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, matcher->data, matcher->context);
    }
    if (result >= 0) {
        return result == 0 ? REGEX_GROUPS_MAX : (size_t)result; /* 0: more groups than room */
    }
    if (result != PCRE2_ERROR_NOMATCH) {
        (void)atomic_fetch_add_explicit(&limit_hits, 1, memory_order_relaxed);
    }
    return 0;
}

/* Where byte `at` of the repaired subject lies in the original. */
static size_t original_offset(Str subject, size_t at)
{
    size_t offset = 0;
    for (size_t repaired = 0; repaired < at;) {
        u32 rune;
        size_t len = utf8_decode(str_skip(subject, offset), &rune);
        char bytes[UTF8_MAX];
        repaired += utf8_encode(rune, bytes);
        offset += len;
    }
    return offset;
}

/* The subject with U+FFFD for every invalid byte; *from moves along. */
static char *repair(Str subject, size_t *from, size_t *ret_len)
{
    char *to = mem_alloc(subject.len * 3 + UTF8_MAX);
    size_t len = 0;
    size_t repaired_from = 0;
    for (size_t at = 0; at < subject.len;) {
        if (at <= *from) {
            repaired_from = len;
        }
        u32 rune;
        at += utf8_decode(str_skip(subject, at), &rune);
        len += utf8_encode(rune, to + len);
    }
    *from = *from >= subject.len ? len : repaired_from;
    *ret_len = len;
    return to;
}

static size_t copy_groups(const Matcher *matcher, size_t count, Str subject, const Str *original,
                          Str *groups, size_t max)
{
    const size_t *ends = pcre2_get_ovector_pointer(matcher->data);
    count = MIN(count, max);
    for (size_t i = 0; i < count; i++) {
        size_t begin = ends[2 * i];
        size_t end = ends[2 * i + 1];
        if (begin == PCRE2_UNSET) {
            groups[i] = (Str){.ptr = NULL, .len = 0};
            continue;
        }
        if (original) {
            begin = original_offset(*original, begin);
            end = original_offset(*original, end);
        }
        groups[i] = (Str){.ptr = subject.ptr + begin, .len = end - begin};
    }
    return count;
}

size_t regex_program_run(const RegexProgram *program, Str subject, size_t from, Str *groups,
                         size_t max)
{
    const Matcher *matcher = matcher_get();
    if (LIKELY(utf8_valid(subject))) {
        size_t count = run_valid(program, subject, from, matcher);
        return copy_groups(matcher, count, subject, NULL, groups, max);
    }
    size_t len;
    char *repaired = repair(subject, &from, &len);
    size_t count = run_valid(program, (Str){.ptr = repaired, .len = len}, from, matcher);
    count = copy_groups(matcher, count, subject, &subject, groups, max);
    mem_free(repaired);
    return count;
}
