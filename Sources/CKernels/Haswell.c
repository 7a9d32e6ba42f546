// The loops for x86-64 processors with AVX2 and FMA.
#include "Tables.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=haswell"))), apply_to = function)
#include "Loops.h"
#pragma clang attribute pop

const ck_table *const ck_haswell_tables[2] = {&table_float32, &table_bfloat16};
#endif
