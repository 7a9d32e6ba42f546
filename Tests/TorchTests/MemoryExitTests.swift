import Foundation
import Testing

@testable import Torch

#if os(Linux)
    /// The end of a program whose memory has run out where no error can say so.
    @Suite struct MemoryExitTests {
        /// No further memory than there is now.
        static func limitMemory() {
            Engine.exitWhenMemoryRunsOut(status: 71, saying: "no memory")
            let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(
                separator: " ")[0]
            let size = rlim_t((pages.flatMap { Int($0) } ?? 0) * 4096 + (8 << 20))
            var limit = rlimit(rlim_cur: size, rlim_max: size)
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        }

        @Test func swiftsAllocator() async {
            await #expect(processExitsWith: .exitCode(71)) {
                Self.limitMemory()
                let list = [UInt8](repeating: 1, count: 1 << 30)
                #expect(list.count == 0)
            }
        }

        @Test func aFailedTensorsShape() async {
            await #expect(processExitsWith: .exitCode(71)) {
                Self.limitMemory()
                #expect(Tensor.zeros([1 << 30]).shape.isEmpty)
            }
        }

        /// An abort for another reason stays one.
        @Test func otherAborts() async {
            await #expect(processExitsWith: .signal(SIGABRT)) {
                Engine.exitWhenMemoryRunsOut(status: 71, saying: "no memory")
                abort()
            }
        }
    }
#endif
