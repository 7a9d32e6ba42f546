// libtorch's header of its gloo process group includes gloo's own headers, which its wheel does not contain. These five
// declare what that header names, and nothing more: the definitions are in libtorch_cpu.
#pragma once
