// The loops for x86-64 processors with AVX2 and FMA.
#include "Tables.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=haswell"))), apply_to = function)
#include "Loops.h"
#define TILE_ROWS 4
#include "Attention.h"
#define VECTOR_BYTES 32
#define VECTORS 2
#define TERM_ROWS 3
#define PRODUCT_ROWS 6
#define PRODUCT_VECTORS 2
#include "Outers.h"
#include "Lattices.h"
#pragma clang attribute pop

const ck_table *const ck_haswell_tables[2] = {&table_float32, &table_bfloat16};
const ck_activation_table *const ck_haswell_activations[2] = {
    &activation_table_float32, &activation_table_bfloat16};
const ck_attention_table *const ck_haswell_attention = &attention_table;
const ck_outer_table *const ck_haswell_outer_tables[2] = {&outer_table_of_float32, &outer_table_of_float64};
const ck_product_table *const ck_haswell_product_tables[2] = {
    &product_table_of_float32, &product_table_of_float64};
const ck_combined_table *const ck_haswell_combined_tables[2] = {
    &combined_table_of_float32, &combined_table_of_float64};
const ck_lattice_table *const ck_haswell_lattice_tables[2] = {
    &lattice_table_of_float32, &lattice_table_of_float64};
#endif
