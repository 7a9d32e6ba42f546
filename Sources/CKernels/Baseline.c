// The loops for every processor of the architecture: SSE2 on x86-64, NEON on arm64.
#include "Tables.h"

#include "Loops.h"
#define TILE_ROWS 2
#include "Attention.h"
#define VECTOR_BYTES 16
#define VECTORS 2
#define TERM_ROWS 2
#define PRODUCT_ROWS 4
#define PRODUCT_VECTORS 2
#include "Outers.h"
#include "Lattices.h"

const ck_table *const ck_baseline_tables[2] = {&table_float32, &table_bfloat16};
const ck_activation_table *const ck_baseline_activations[2] = {
    &activation_table_float32, &activation_table_bfloat16};
const ck_attention_table *const ck_baseline_attention = &attention_table;
const ck_outer_table *const ck_baseline_outer_tables[2] = {&outer_table_of_float32, &outer_table_of_float64};
const ck_product_table *const ck_baseline_product_tables[2] = {
    &product_table_of_float32, &product_table_of_float64};
const ck_combined_table *const ck_baseline_combined_tables[2] = {
    &combined_table_of_float32, &combined_table_of_float64};
const ck_lattice_table *const ck_baseline_lattice_tables[2] = {
    &lattice_table_of_float32, &lattice_table_of_float64};
