// What a host may have beyond its instruction set: x86-64-v4 says nothing of these.
#pragma once

namespace lamina {

bool host_has_vnni();      // products of bytes, four a lane (vpdpbusd on 512 bits)
bool host_has_bfloat16();  // products of bfloat16, two a lane (vdpbf16ps on 512 bits)

}  // namespace lamina
