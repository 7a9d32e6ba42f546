// Included by libtorch's header of its gloo process group; see algorithm.h.
#pragma once
