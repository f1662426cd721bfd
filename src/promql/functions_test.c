/* Tests of promql/functions.h. */
#include "promql/functions.h"

#include "base/test.h"

TEST(functions, every_one_is_found_by_its_name_and_lies_in_order)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        const Function *function = function_get((FunctionId)i);
        CHECK_U64(function->id, i);
        CHECK(function_find(function->name) == function);
        CHECK(i == 0 || str_cmp(function_get((FunctionId)(i - 1))->name, function->name) < 0);
        CHECK(function->returns == VALUE_VECTOR || function->returns == VALUE_SCALAR);
        for (size_t j = 0; j < FUNCTION_ARGS_MAX; j++) {
            CHECK((function->args[j] != VALUE_NONE) == (j < function->arg_count));
        }
    }
    CHECK_U64(FUNCTION_COUNT, 90);
}

TEST(functions, what_is_no_function_is_not_found)
{
    static const Str bad[] = {STR_INIT(""),      STR_INIT("RATE"), STR_INIT("rat"),
                              STR_INIT("rate "), STR_INIT("zzz"),  STR_INIT("holt_winters")};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK(function_find(bad[i]) == NULL);
    }
}
