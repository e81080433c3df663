// What a host may have beyond its instruction set: x86-64-v4 says nothing of these.
#pragma once

namespace lamina {

bool host_has_vnni();      // products of bytes, four a lane (vpdpbusd on 512 bits)
bool host_has_bfloat16();  // products of bfloat16, two a lane (vdpbf16ps on 512 bits)

// Products of whole tile registers (AMX), which the first question asks the system for.
bool host_has_bfloat16_tiles();
bool host_has_int8_tiles();

}  // namespace lamina
