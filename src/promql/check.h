/*
 * Check: the rules about types and matching that the grammar cannot say: what a function takes,
 * which operators want vectors, that a selector selects something.
 *
 * Layer: promql. Memory: none. Thread: the parse's own; the tree is not yet shared.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "promql/ast.h"

/*
 * Checks the whole tree, and settles what follows from types: set operators match many to many,
 * and operators with a scalar side match nothing.
 * text    the query, for positions
 * Errors  ERR_INVALID in the original's words, as expr_parse
 */
bool expr_check(Node *root, Str text, Err *err) MUST_USE;
