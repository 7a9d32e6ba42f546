// All loops for one instruction set, in both types of storage, and the tables of them.
//
// The attribute `target_clones` would make the clones from one function, but it leaves the choice to the
// loader, so that no test could force a set.
#include "Vectors.h"
#include "Power.h"

#define STORAGE_BFLOAT16 0
#include "Storage.h"
#include "Elementwise.h"
#include "Metric.h"
#include "Factored.h"
#include "Divided.h"
#include "Activations.h"
#include "Table.h"
#undef STORAGE_BFLOAT16

#define STORAGE_BFLOAT16 1
#include "Storage.h"
#include "Elementwise.h"
#include "Metric.h"
#include "Factored.h"
#include "Divided.h"
#include "Activations.h"
#include "Table.h"
#undef STORAGE_BFLOAT16
