/*
 * Regex program: one compiled PCRE2 pattern with its limits. The only file that runs PCRE2.
 *
 * Layer: codec, internal to the regex files. Memory: regex_program_free. Thread: a program is
 * immutable; each thread has its own match data and JIT stack, freed when the thread ends.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct RegexProgram RegexProgram;

/* `pattern` comes from regex_emit. Errors: ERR_LIMIT when PCRE2 finds it too large. */
bool regex_program_new(Str pattern, bool caseless, RegexProgram **ret, Err *err) MUST_USE;
void regex_program_free(RegexProgram *program); /* NULL-safe */

/*
 * The first match at or after `from`. Invalid bytes of the subject count as U+FFFD.
 * groups   [max]: 0 is the whole match; ptr NULL for a group that took no part
 * Returns the number of groups written, 0 without a match.
 */
size_t regex_program_run(const RegexProgram *program, Str subject, size_t from, Str *groups,
                         size_t max);

u64 regex_program_limit_hits(void);
