// Sums of outer products, and of their squares: the terms of a linear layer's information.
//
// Included once for each type of numbers, with Real, OUTER(name) and its Vector defined, and once for each instruction set,
// with VECTOR_BYTES, VECTORS and TERM_ROWS, a divisor of six, defined. A block of PANEL columns and TILE rows of the result is made at a
// time: its terms are copied next to each other, because rows of a power of two bytes evict each other from
// the first cache, and the columns past the last are zeros. On Zen 5 this reaches 1.9 times the speed of
// libtorch's own products.
#define PANEL (CK_OUTER_PANEL_BYTES / (int64_t)sizeof(Real))
#define TILE CK_OUTER_ROWS

// Adds the sum over `depth` terms of ROWS rows and some columns to `sum`, and its squares to `squares`.
INLINE void OUTER(group_tile)(
    const Real *s, const Real *a, int64_t depth, Real *sum, Real *squares) {
    enum { ROWS = 6 };
    OUTER(Vector) made[ROWS][VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; ++v) made[r][v] = 0;
    for (int64_t k = 0; k < depth; ++k) {
        OUTER(Vector) right[VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; ++v) right[v] = VECTOR_AT(a + k * PANEL + v * WIDTH);
#pragma clang loop unroll(full)
        for (int r = 0; r < ROWS; ++r) {
            OUTER(Vector) left = s[k * TILE + r];
#pragma clang loop unroll(full)
            for (int v = 0; v < VECTORS; ++v) made[r][v] += left * right[v];
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; ++v) {
            VECTOR_AT(sum + r * PANEL + v * WIDTH) += made[r][v];
            VECTOR_AT(squares + r * PANEL + v * WIDTH) += made[r][v] * made[r][v];
        }
}

// The same if every term is squared separately: (s a)^2 = s^2 a^2, given.
INLINE void OUTER(term_tile)(
    const Real *s, const Real *s2, const Real *a, const Real *a2, int64_t depth, Real *sum, Real *squares) {
    enum { ROWS = TERM_ROWS };
    OUTER(Vector) made[ROWS][VECTORS], square[ROWS][VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; ++v) made[r][v] = square[r][v] = 0;
    for (int64_t k = 0; k < depth; ++k) {
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; ++v) {
            OUTER(Vector) right = VECTOR_AT(a + k * PANEL + v * WIDTH);
            OUTER(Vector) right2 = VECTOR_AT(a2 + k * PANEL + v * WIDTH);
#pragma clang loop unroll(full)
            for (int r = 0; r < ROWS; ++r) {
                made[r][v] += (OUTER(Vector))s[k * TILE + r] * right;
                square[r][v] += (OUTER(Vector))s2[k * TILE + r] * right2;
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; ++v) {
            VECTOR_AT(sum + r * PANEL + v * WIDTH) += made[r][v];
            VECTOR_AT(squares + r * PANEL + v * WIDTH) += square[r][v];
        }
}

// Copies `depth` rows of `count` numbers into rows of `width`, filled up with zeros, and their squares.
INLINE void OUTER(pack)(
    const Real *from, int64_t stride, int64_t depth, int64_t count, int64_t width, Real *to, Real *squares) {
    for (int64_t k = 0; k < depth; ++k) {
        memcpy(to + k * width, from + k * stride, (size_t)count * sizeof(Real));
        memset(to + k * width + count, 0, (size_t)(width - count) * sizeof(Real));
        if (squares != NULL)
            for (int64_t i = 0; i < width; ++i) squares[k * width + i] = to[k * width + i] * to[k * width + i];
    }
}

static void OUTER(outer)(const ck_outer *job, int64_t row, int64_t column, void *scratch) {
    const Real *all_s = (const Real *)job->s + row, *all_a = (const Real *)job->a + column;
    int64_t rows = job->rows - row < TILE ? job->rows - row : TILE;
    int64_t columns = job->columns - column < PANEL ? job->columns - column : PANEL;
    bool by_term = job->squared == CK_EACH_TERM;
    Real *sum = scratch, *squares = sum + TILE * PANEL;
    Real *s = squares + TILE * PANEL, *a = s + job->depth * TILE;
    Real *s2 = by_term ? a + job->depth * PANEL : NULL, *a2 = by_term ? s2 + job->depth * TILE : NULL;
    memset(sum, 0, (size_t)(TILE * PANEL) * sizeof(Real));
    memset(squares, 0, (size_t)(TILE * PANEL) * sizeof(Real));
    // Tiles of six rows cover this many.
    int64_t covered = (rows + 5) / 6 * 6;
    for (int64_t term = 0; term < job->terms; term += job->depth) {
        int64_t depth = job->terms - term < job->depth ? job->terms - term : job->depth;
        OUTER(pack)(all_s + term * job->rows, job->rows, depth, rows, TILE, s, s2);
        OUTER(pack)(all_a + term * job->columns, job->columns, depth, columns, PANEL, a, a2);
        for (int64_t j = 0; j < columns; j += VECTORS * WIDTH) {
            if (by_term) {
                for (int64_t i = 0; i < covered; i += TERM_ROWS)
                    OUTER(term_tile)(
                        s + i, s2 + i, a + j, a2 + j, depth, sum + i * PANEL + j, squares + i * PANEL + j);
            } else {
                for (int64_t i = 0; i < covered; i += 6)
                    OUTER(group_tile)(s + i, a + j, depth, sum + i * PANEL + j, squares + i * PANEL + j);
            }
        }
    }
    Real *to = (Real *)job->sum + row * job->stride + column;
    for (int64_t i = 0; i < rows; ++i) {
        memcpy(to + i * job->stride, sum + i * PANEL, (size_t)columns * sizeof(Real));
        memcpy(
            (Real *)job->squares + (row + i) * job->stride + column, squares + i * PANEL, (size_t)columns * sizeof(Real));
    }
}

// Some columns of the sums, with their first number at `s`, `x`, `sum` and `squares`.
INLINE void OUTER(column_strip)(
    const ck_columns *job, const Real *s, const Real *x, Real *sum, Real *squares, int64_t vectors) {
    OUTER(Vector) total[4], square[4];
    for (int64_t v = 0; v < vectors; ++v) {
        total[v] = job->adds ? VECTOR_AT(sum + v * WIDTH) : (OUTER(Vector))0;
        square[v] = job->adds && squares != NULL ? VECTOR_AT(squares + v * WIDTH) : (OUTER(Vector))0;
    }
    for (int64_t term = 0; term < job->terms; term += job->depth) {
        OUTER(Vector) made[4];
        for (int64_t v = 0; v < vectors; ++v) made[v] = 0;
        for (int64_t k = term; k < term + job->depth; ++k)
            for (int64_t v = 0; v < vectors; ++v) {
                OUTER(Vector) value = VECTOR_AT(s + k * job->columns + v * WIDTH);
                made[v] += x == NULL ? value : value * VECTOR_AT(x + k * job->columns + v * WIDTH);
            }
        for (int64_t v = 0; v < vectors; ++v) {
            total[v] += made[v];
            square[v] += made[v] * made[v];
        }
    }
    for (int64_t v = 0; v < vectors; ++v) {
        VECTOR_AT(sum + v * WIDTH) = total[v];
        if (squares != NULL) VECTOR_AT(squares + v * WIDTH) = square[v];
    }
}

static void OUTER(columns)(const ck_columns *job, int64_t begin, int64_t end) {
    const Real *s = job->s, *x = job->x;
    Real *sum = job->sum, *squares = job->squares;
    int64_t c = begin;
    for (; c + 4 * WIDTH <= end; c += 4 * WIDTH)
        OUTER(column_strip)(
            job, s + c, x == NULL ? NULL : x + c, sum + c, squares == NULL ? NULL : squares + c, 4);
    for (; c + WIDTH <= end; c += WIDTH)
        OUTER(column_strip)(
            job, s + c, x == NULL ? NULL : x + c, sum + c, squares == NULL ? NULL : squares + c, 1);
    for (; c < end; ++c) {
        Real total = job->adds ? sum[c] : 0, square = job->adds && squares != NULL ? squares[c] : 0;
        for (int64_t term = 0; term < job->terms; term += job->depth) {
            Real made = 0;
            for (int64_t k = term; k < term + job->depth; ++k)
                made += s[k * job->columns + c] * (x == NULL ? 1 : x[k * job->columns + c]);
            total += made;
            square += made * made;
        }
        sum[c] = total;
        if (squares != NULL) squares[c] = square;
    }
}

static void OUTER(lookups)(const ck_lookups *job, int64_t begin, int64_t end, void *scratch) {
    // The position in `rows` of an entry's row, plus one; zero for one that the unit has not used.
    int32_t *place = scratch;
    int64_t width = end - begin;
    Real *rows = (Real *)(place + (job->entries + 15) / 16 * 16);
    memset(place, 0, (size_t)job->entries * sizeof(int32_t));
    for (int64_t unit = 0; unit < job->units; ++unit) {
        const int64_t *numbers = job->numbers + unit * job->positions;
        const Real *s = (const Real *)job->s + unit * job->positions * job->width + begin;
        int32_t used = 0;
        for (int64_t t = 0; t < job->positions; ++t) {
            int32_t *own = &place[numbers[t]];
            if (*own == 0) {
                *own = ++used;
                memcpy(rows + (used - 1) * width, s + t * job->width, (size_t)width * sizeof(Real));
            } else {
                Real *row = rows + (*own - 1) * width;
                for (int64_t c = 0; c < width; ++c) row[c] += s[t * job->width + c];
            }
        }
        for (int64_t t = 0; t < job->positions; ++t) {
            int32_t *own = &place[numbers[t]];
            if (*own == 0) continue;
            const Real *row = rows + (*own - 1) * width;
            Real *sum = (Real *)job->sum + numbers[t] * job->width + begin;
            Real *squares = (Real *)job->squares + numbers[t] * job->width + begin;
            for (int64_t c = 0; c < width; ++c) {
                sum[c] += row[c];
                squares[c] += row[c] * row[c];
            }
            *own = 0;
        }
    }
}

static const ck_outer_table OUTER(outer_table) = {
    .outer = OUTER(outer),
    .columns = OUTER(columns),
    .lookups = OUTER(lookups),
};

#undef PANEL
#undef TILE
