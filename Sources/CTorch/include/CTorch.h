// A hand-written C interface to libtorch: the only border between Swift and C++.
//
// Every entry catches every C++ exception. An entry that fails returns NULL, or a status other than
// CT_OK, and stores the first line of the reason for `ct_error_message` of the same thread.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Failures

typedef enum ct_status { CT_OK = 0, CT_FAILED = 1, CT_OUT_OF_MEMORY = 2 } ct_status;

/// The kind of this thread's last failure.
ct_status ct_error_status(void);
/// The first line of this thread's last failure; valid until the next one.
const char *ct_error_message(void);
/// Keeps a failure of the caller's own as this thread's last one.
void ct_fail(ct_status status, const char *message);

// MARK: Tensors (an owned reference each; released with ct_tensor_release)

typedef struct ct_tensor_s *ct_tensor;

void ct_tensor_release(ct_tensor tensor);
/// A further reference.
ct_tensor ct_tensor_retain(ct_tensor tensor);
/// An uninitialized tensor. `type` is c10::ScalarType, `device` c10::DeviceType.
ct_tensor ct_tensor_empty(const int64_t *sizes, int64_t rank, int32_t type, int32_t device, int32_t index);
int64_t ct_tensor_rank(ct_tensor tensor);
void ct_tensor_sizes(ct_tensor tensor, int64_t *sizes);
int64_t ct_tensor_count(ct_tensor tensor);
int32_t ct_tensor_type(ct_tensor tensor);
int32_t ct_tensor_device(ct_tensor tensor);
int32_t ct_tensor_device_index(ct_tensor tensor);
bool ct_tensor_is_contiguous(ct_tensor tensor);
/// The address of the first element; NULL for an empty tensor.
void *ct_tensor_data(ct_tensor tensor);
/// Notifies recorded operations that the elements were changed through `ct_tensor_data`.
void ct_tensor_note_change(ct_tensor tensor);
/// How often the elements were changed, through whatever handle; -1 where nobody counts.
int64_t ct_tensor_version(ct_tensor tensor);

// MARK: Operators

typedef struct ct_operator_s *ct_operator;

/// Finds an operator of the dispatcher, such as "aten::add" with overload "Tensor". It lives forever.
ct_operator ct_operator_find(const char *name, const char *overload);

typedef enum ct_kind {
    CT_DEFAULT = 0,  // the schema's default value
    CT_NONE = 1,
    CT_TENSOR = 2,
    CT_INTEGER = 3,
    CT_REAL = 4,
    CT_BOOLEAN = 5,
    CT_INTEGERS = 6,  // `count` numbers of the call's `integers`, from position `integer`
    CT_TENSORS = 7,  // `count` handles of the call's `tensors`, from position `integer`
    CT_GENERATOR = 8,
    CT_DEVICE = 9,  // type in `integer`, index in `count`
    CT_STRING = 10,  // `count` bytes of the call's `text`, from position `integer`
    CT_REALS = 11,   // `count` numbers of the call's `reals`, from position `integer`
    CT_BOOLEANS = 12  // `count` numbers of the call's `integers`, from position `integer`
} ct_kind;

typedef struct ct_value {
    ct_kind kind;
    int64_t integer;
    int64_t count;
    double real;
    const void *pointer;
} ct_value;

/// The elements of a call's lists and strings.
typedef struct ct_elements {
    const int64_t *integers;
    const double *reals;
    const char *text;
    const ct_tensor *tensors;
} ct_elements;

/// Calls an operator with boxed arguments. Results are tensors only, lists are flattened; a result
/// that is undefined is NULL. `*result_count` is the capacity of `results`, and becomes their number.
ct_status ct_call(
    ct_operator op, const ct_value *arguments, int64_t argument_count, const ct_elements *elements,
    ct_tensor *results, int64_t *result_count);

// MARK: Operators that a program names at run time

/// Finds an operator; a failure names the overloads that there are. To be released with ct_operator_release.
ct_operator ct_operator_named(const char *name, const char *overload);
void ct_operator_release(ct_operator op);
/// The number of an operator's arguments.
int64_t ct_operator_argument_count(ct_operator op);
/// The name of an argument; valid as long as the process.
const char *ct_operator_argument_name(ct_operator op, int64_t position);

typedef struct ct_results_s *ct_results;

/// Calls an operator after every argument was converted to the type that the schema wants, and checked; NULL if it
/// fails. Lists of tensors may hold NULL where the schema allows it. Released with ct_results_release.
ct_results ct_invoke(
    ct_operator op, const ct_value *arguments, int64_t argument_count, const ct_elements *elements);
void ct_results_release(ct_results results);
int64_t ct_results_count(ct_results results);
/// CT_NONE, CT_TENSOR, CT_INTEGER, CT_REAL, CT_BOOLEAN, CT_STRING, CT_TENSORS, CT_INTEGERS, CT_REALS or CT_BOOLEANS.
ct_kind ct_results_kind(ct_results results, int64_t number);
/// The number of elements of a list, or of bytes of a string; 1 for others.
int64_t ct_results_length(ct_results results, int64_t number);
/// A new reference; NULL for an undefined tensor.
ct_tensor ct_results_tensor(ct_results results, int64_t number, int64_t position);
int64_t ct_results_integer(ct_results results, int64_t number, int64_t position);
double ct_results_real(ct_results results, int64_t number, int64_t position);
const char *ct_results_text(ct_results results, int64_t number);

// MARK: Gradients

bool ct_gradients_enabled(void);
void ct_set_gradients_enabled(bool enabled);
bool ct_tensor_requires_gradient(ct_tensor tensor);
/// Whether it is no result of a recorded operation.
bool ct_tensor_is_leaf(ct_tensor tensor);
ct_status ct_tensor_set_requires_gradient(ct_tensor tensor, bool required);
/// Receives the gradient of an input, a leaf, as soon as it is complete, on the thread that computes it; owns `gradient`.
/// Gives a reference to what stands in its place; NULL, after `ct_fail`, to end the pass.
typedef ct_tensor (*ct_receive)(void *context, int64_t input, ct_tensor gradient);
/// Vector-Jacobian product of `outputs` with `seeds` (an entry may be NULL for a scalar's one) with
/// respect to `inputs`. A gradient that does not exist is NULL. The gradients of the first `receiving` inputs pass
/// through `receive`.
ct_status ct_gradients(
    const ct_tensor *outputs, const ct_tensor *seeds, int64_t output_count, const ct_tensor *inputs,
    int64_t input_count, bool keep_graph, bool create_graph, int64_t receiving, ct_receive receive,
    void *context, ct_tensor *gradients);

/// The gradient of a recorded function: of the input, for the gradient of the result; owns `slope` and gives a reference.
/// NULL, after `ct_fail`, where it cannot be computed.
typedef ct_tensor (*ct_backward)(void *context, ct_tensor slope, bool keeps_graph);
/// A new reference to the numbers of `value`, recorded as a function of `input` whose gradient `backward` computes; only
/// its numbers where nothing is recorded. `release` is called once, when the graph or its results are released.
ct_tensor ct_recorded(
    ct_tensor value, ct_tensor input, ct_backward backward, void (*release)(void *context), void *context);

// MARK: Autocast

/// What autocast was in a thread: on the CPU, and on CUDA devices.
typedef struct ct_autocast {
    bool enabled[2];
    int32_t types[2];
    bool caches;
} ct_autocast;

/// The c10::ScalarType in which this thread computes matrix products of wider operands; -1 for that of the operands.
int32_t ct_autocast_type(void);
/// Computes this thread's products in a type, or with -1 in that of the operands, on all devices; what was before is to be
/// passed to ct_autocast_end. A weight is cast once until the outermost begin has its end.
ct_autocast ct_autocast_begin(int32_t type);
void ct_autocast_end(ct_autocast before);

// MARK: Random numbers

typedef struct ct_generator_s *ct_generator;

ct_generator ct_generator_create(uint64_t seed, int32_t device, int32_t index);
void ct_generator_release(ct_generator generator);
/// The state as a tensor of bytes.
ct_tensor ct_generator_state(ct_generator generator);
ct_status ct_generator_set_state(ct_generator generator, ct_tensor state);

// MARK: Runtime

/// The version of the libtorch that is loaded, such as "2.13.0".
const char *ct_engine_version(void);
/// The version of the libtorch that this library was compiled against.
const char *ct_engine_headers_version(void);
/// The folder that holds libtorch's lib and include; NULL if unknown.
const char *ct_engine_folder(void);
/// The vector instruction set that libtorch's kernels use here.
const char *ct_instruction_set(void);
/// The libraries that may multiply float32 matrices on the CPU: what libtorch takes by itself, and oneDNN.
typedef enum { CT_PRODUCTS_ENGINE = 0, CT_PRODUCTS_ONEDNN = 1 } ct_products_kind;
/// The one that multiplies large matrices of this process, measured if none was set; a ct_products_kind.
int32_t ct_products(void);
/// Sets it; 0 if it is not to be had.
int32_t ct_set_products(int32_t kind);
/// Gives one to this thread alone, -1 that of the process again; what it had before.
int32_t ct_give_products(int32_t kind);
/// The time of a product of 256 x 256 matrices when both were measured; 0 where they were not.
double ct_products_milliseconds(int32_t kind);
int32_t ct_thread_count(void);
void ct_set_thread_count(int32_t count);
/// The processors of the machine that are running.
int32_t ct_processor_count(void);
/// Whether this process may run on the processor of this number; never where the system does not tell.
int32_t ct_may_use_processor(int32_t number);
/// Lets the process keep memory that is freed, where the C library offers that.
void ct_keep_freed_memory(void);
/// From now on the process ends with `status` and a sentence where memory runs out in a way that nothing can catch: in a
/// thread of libtorch, or in Swift's own allocator. For programs, not for libraries.
void ct_exit_when_memory_runs_out(int32_t status, const char *sentence);
/// Ends the process so, if that was asked for.
void ct_memory_ran_out(void);
/// The number of CUDA devices that libtorch can use; 0 if it is built without CUDA.
int32_t ct_cuda_device_count(void);
/// Whether libtorch is built with CUDA, with cards or without.
bool ct_engine_has_cuda(void);
/// Why libtorch's CUDA library cannot be loaded; NULL if it can.
const char *ct_cuda_obstacle(void);
/// Where the library of kernels for cards is looked for; see Scripts/build-cuda-kernels.
const char *ct_cuda_kernels_path(void);
/// The number of cards that NVIDIA's driver finds; 0 without a driver.
int32_t ct_driver_card_count(void);
/// The name of a card, the bytes of its memory and its compute capability; false if the driver does not tell.
bool ct_cuda_card(int32_t number, char *name, int32_t capacity, int64_t *bytes, int32_t *major, int32_t *minor);
/// The number of devices of the backend that a library has registered as libtorch's PrivateUse1.
int32_t ct_registered_device_count(void);
/// Waits until a device has done what it was given.
ct_status ct_device_synchronize(int32_t device, int32_t index);

/// A piece of a parallel loop: the half-open range of indices, and the number of the piece.
typedef void (*ct_body)(void *context, int64_t begin, int64_t end, int32_t piece);
/// Shares [0, count) in pieces of at least `grain` among the threads of libtorch's own pool. Returns
/// the number of threads that took part. The body must not throw.
int32_t ct_parallel_for(int64_t count, int64_t grain, ct_body body, void *context);

// MARK: Processes that compute together

typedef struct ct_store_s *ct_store;
typedef struct ct_group_s *ct_group;
typedef struct ct_work_s *ct_work;

typedef enum ct_reduction { CT_SUM = 0, CT_MAXIMUM = 1 } ct_reduction;

/// Texts by key that processes share, at a port of a host; `serves` where this process keeps them for all. Times are
/// in milliseconds everywhere here.
ct_store ct_store_tcp(const char *host, int32_t port, bool serves, int64_t timeout);
/// The same in a file that `size` processes see.
ct_store ct_store_file(const char *path, int32_t size, int64_t timeout);
void ct_store_release(ct_store store);
ct_status ct_store_set(ct_store store, const char *key, const char *value);
/// Waits until a process has set a key; fails after the time.
ct_status ct_store_wait(ct_store store, const char *key, int64_t timeout);
/// Copies at most `capacity` bytes of a text; its length, or -1.
int64_t ct_store_get(ct_store store, const char *key, char *value, int64_t capacity);

/// Connects with the others, at an address of this machine; NULL for the one that its name has. The tensors lie on the
/// current card of each `on_cards`, otherwise in the machine's own memory.
ct_group ct_group_create(
    ct_store store, int32_t rank, int32_t size, const char *address, int64_t timeout, bool on_cards);
void ct_group_release(ct_group group);
/// Operations begin when they are called, and are done when ct_work_wait returns; the processes must call them in the
/// same order. Tensors are contiguous. NULL if one cannot begin.
ct_work ct_group_reduce(ct_group group, ct_tensor tensor, ct_reduction reduction);
ct_work ct_group_broadcast(ct_group group, ct_tensor tensor, int32_t root);
/// `tensor` has as many elements as the group's size times `result`.
ct_work ct_group_reduce_scatter(ct_group group, ct_tensor result, ct_tensor tensor);
/// `result` has as many elements as the group's size times `tensor`.
ct_work ct_group_all_gather(ct_group group, ct_tensor result, ct_tensor tensor);
ct_work ct_group_barrier(ct_group group);
ct_status ct_work_wait(ct_work work);
void ct_work_release(ct_work work);

#ifdef __cplusplus
}
#endif
#endif
