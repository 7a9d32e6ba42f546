// A server of pages to the browsers of this machine, as C: a program links PageServer, which is made on FlyingFox, or in its place
// CEngineOnDemand, which opens it when it is needed. FlyingFox brings libcurl with thirty libraries into a process.
#ifndef CPAGES_H
#define CPAGES_H

#include <stdint.h>

#define CP_SENDABLE __attribute__((swift_attr("@Sendable")))

/// A request that waits for its answer.
typedef struct cp_request_s *cp_request;

/// Receives a request, on any thread, and calls cp_answer once for it, then or later. `host` is the name by which the browser calls
/// the server, NULL where it gives none. The texts live until the function returns.
typedef CP_SENDABLE void (*cp_receive)(
    void *context, cp_request request, const char *method, const char *path, const char *host);

typedef enum cp_event { CP_LISTENS = 0, CP_PORT_TAKEN = 1, CP_FAILED = 2 } cp_event;

/// Is told, on any thread, that the server listens on a port, or once that it has ended, and why.
typedef CP_SENDABLE void (*cp_tell)(void *context, cp_event event, uint16_t port, const char *reason);

/// Serves 127.0.0.1 on a port, any free one if it is 0, until the process or the server ends. Returns at once.
void cp_serve(uint16_t port, cp_receive receive, cp_tell tell, void *context);

/// Answers a request. `headers` are lines of the form `Name: value`.
void cp_answer(cp_request request, int32_t status, const char *headers, const void *body, int64_t count);

#endif
