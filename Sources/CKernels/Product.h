// Products x^T y, of which those that are symmetric take half the work.
//
// Included once for each type of numbers, with Real, OUTER(name) and its Vector defined, and once for each instruction set, with
// VECTOR_BYTES, PRODUCT_ROWS and PRODUCT_VECTORS defined. Both factors are copied into panels first: y into panels of COLUMNS columns,
// which stay in the first cache, x into groups of ROWS, which pass by. A panel's columns of the result are made at a time, DEPTH
// terms at a time.
typedef Real OUTER(Quad) __attribute__((ext_vector_type(4), aligned(sizeof(Real))));

#define ROWS ((int64_t)PRODUCT_ROWS)
#define COLUMNS (PRODUCT_VECTORS * WIDTH)
#define DEPTH (32768 / (COLUMNS * (int64_t)sizeof(Real)))
#define QUAD_AT(pointer) (*(OUTER(Quad) *)(pointer))

// result = kept added + scale x^T y for ROWS rows and COLUMNS columns, whose rows lie `row` apart in both.
INLINE void OUTER(product_tile)(
    const Real *x, const Real *y, int64_t depth, Real scale, Real kept, const Real *added, Real *result, int64_t row) {
    OUTER(Vector) made[PRODUCT_ROWS][PRODUCT_VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < PRODUCT_ROWS; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < PRODUCT_VECTORS; ++v) made[r][v] = 0;
    for (int64_t k = 0; k < depth; ++k) {
        OUTER(Vector) right[PRODUCT_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < PRODUCT_VECTORS; ++v) right[v] = VECTOR_AT(y + k * COLUMNS + v * WIDTH);
#pragma clang loop unroll(full)
        for (int r = 0; r < PRODUCT_ROWS; ++r) {
            OUTER(Vector) left = x[k * ROWS + r];
#pragma clang loop unroll(full)
            for (int v = 0; v < PRODUCT_VECTORS; ++v) made[r][v] += left * right[v];
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < PRODUCT_ROWS; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < PRODUCT_VECTORS; ++v) {
            OUTER(Vector) sum = made[r][v] * scale;
            if (added != NULL) sum += VECTOR_AT(added + r * row + v * WIDTH) * kept;
            VECTOR_AT(result + r * row + v * WIDTH) = sum;
        }
}

// The transpose of four rows of four numbers.
INLINE void OUTER(transpose_quad)(const Real *from, int64_t row, Real *to, int64_t to_row) {
    OUTER(Quad) a = QUAD_AT(from), b = QUAD_AT(from + row), c = QUAD_AT(from + 2 * row), d = QUAD_AT(from + 3 * row);
    OUTER(Quad) ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_next = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    OUTER(Quad) cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_next = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    QUAD_AT(to) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    QUAD_AT(to + to_row) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    QUAD_AT(to + 2 * to_row) = __builtin_shufflevector(ab_next, cd_next, 0, 1, 4, 5);
    QUAD_AT(to + 3 * to_row) = __builtin_shufflevector(ab_next, cd_next, 2, 3, 6, 7);
}

// Copies `count` columns of `terms` rows into a panel of `width`, filled up with zeros; `row` and `column` are the distances of
// numbers in the source.
INLINE void OUTER(product_panel)(
    const Real *from, int64_t row, int64_t column, int64_t terms, int64_t count, int64_t width, Real *to) {
    int64_t k = 0;
    if (count == width && column == 1) {
        for (; k < terms; ++k) memcpy(to + k * width, from + k * row, (size_t)width * sizeof(Real));
    } else if (count == width && row == 1 && width % 4 == 0) {
        for (; k + 4 <= terms; k += 4)
            for (int64_t i = 0; i < width; i += 4)
                OUTER(transpose_quad)(from + k + i * column, column, to + k * width + i, width);
    }
    for (; k < terms; ++k) {
        for (int64_t i = 0; i < count; ++i) to[k * width + i] = from[k * row + i * column];
        for (int64_t i = count; i < width; ++i) to[k * width + i] = 0;
    }
}

// Writes the transpose of `rows` rows of at most COLUMNS columns, both of whose rows lie `row` apart. It is made in a small buffer
// first, because rows that are a power of two bytes apart evict each other from the first cache.
INLINE void OUTER(product_mirror)(const Real *from, int64_t rows, int64_t columns, int64_t row, Real *to) {
    Real given[COLUMNS * COLUMNS], turned[COLUMNS * COLUMNS];
    for (int64_t first = 0; first < rows; first += COLUMNS) {
        int64_t count = rows - first < COLUMNS ? rows - first : COLUMNS;
        for (int64_t i = 0; i < count; ++i)
            memcpy(given + i * COLUMNS, from + (first + i) * row, (size_t)columns * sizeof(Real));
        for (int64_t i = 0; i < COLUMNS; i += 4)
            for (int64_t j = 0; j < COLUMNS; j += 4)
                OUTER(transpose_quad)(given + i * COLUMNS + j, COLUMNS, turned + j * COLUMNS + i, COLUMNS);
        for (int64_t j = 0; j < columns; ++j)
            memcpy(to + j * row + first, turned + j * COLUMNS, (size_t)count * sizeof(Real));
    }
}

static void OUTER(product_pack)(const ck_product *job, int64_t part) {
    int64_t groups = (job->rows + ROWS - 1) / ROWS;
    if (part < groups) {
        int64_t row = part * ROWS, count = job->rows - row < ROWS ? job->rows - row : ROWS;
        OUTER(product_panel)(
            (const Real *)job->x + row * job->x_column, job->x_row, job->x_column, job->terms, count, ROWS,
            (Real *)job->packed + row * job->terms);
    } else {
        int64_t column = (part - groups) * COLUMNS;
        int64_t count = job->columns - column < COLUMNS ? job->columns - column : COLUMNS;
        OUTER(product_panel)(
            (const Real *)job->y + column * job->y_column, job->y_row, job->y_column, job->terms, count, COLUMNS,
            (Real *)job->packed + (groups * ROWS + column) * job->terms);
    }
}

static void OUTER(product)(const ck_product *job, int64_t panel) {
    int64_t column = panel * COLUMNS, groups = (job->rows + ROWS - 1) / ROWS;
    int64_t columns = job->columns - column < COLUMNS ? job->columns - column : COLUMNS;
    int64_t rows = job->symmetric ? column + columns : job->rows;
    const Real *x = job->packed, *y = x + (groups * ROWS + column) * job->terms;
    Real *result = job->result, scale = (Real)job->scale;
    for (int64_t term = 0; term < job->terms; term += DEPTH) {
        int64_t depth = job->terms - term < DEPTH ? job->terms - term : DEPTH;
        const Real *added = term == 0 ? job->added : job->result;
        Real kept = term == 0 ? (Real)job->kept : 1;
        for (int64_t row = 0; row < rows; row += ROWS) {
            const Real *some = x + row * job->terms + term * ROWS, *panel_terms = y + term * COLUMNS;
            int64_t place = row * job->stride + column, height = rows - row < ROWS ? rows - row : ROWS;
            if (height == ROWS && columns == COLUMNS) {
                OUTER(product_tile)(
                    some, panel_terms, depth, scale, kept, added == NULL ? NULL : added + place, result + place, job->stride);
            } else {
                Real tile[ROWS * COLUMNS];
                if (added != NULL)
                    for (int64_t i = 0; i < height; ++i)
                        memcpy(tile + i * COLUMNS, added + place + i * job->stride, (size_t)columns * sizeof(Real));
                OUTER(product_tile)(some, panel_terms, depth, scale, kept, added == NULL ? NULL : tile, tile, COLUMNS);
                for (int64_t i = 0; i < height; ++i)
                    memcpy(result + place + i * job->stride, tile + i * COLUMNS, (size_t)columns * sizeof(Real));
            }
        }
    }
    if (!job->symmetric) return;
    OUTER(product_mirror)(result + column, column, columns, job->stride, result + column * job->stride);
    Real *corner = result + column * job->stride + column;
    for (int64_t i = 1; i < columns; ++i)
        for (int64_t j = 0; j < i; ++j) corner[i * job->stride + j] = corner[j * job->stride + i];
}

static const ck_product_table OUTER(product_table) = {
    .pack = OUTER(product_pack),
    .product = OUTER(product),
    .rows = ROWS,
    .columns = COLUMNS,
};

#undef ROWS
#undef COLUMNS
#undef DEPTH
#undef QUAD_AT
