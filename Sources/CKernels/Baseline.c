// The loops for every processor of the architecture: SSE2 on x86-64, NEON on arm64.
#include "Tables.h"

#include "Loops.h"

const ck_table *const ck_baseline_tables[2] = {&table_float32, &table_bfloat16};
