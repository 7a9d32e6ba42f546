import CKernels
import Torch

/// The library of fused steps for a device beside the CPU.
///
/// `Scripts/build-cuda-kernels` makes that of CUDA; it is opened when a card is first asked about. Without it rules take the
/// formula path there.
package struct CardKernels: @unchecked Sendable {
    /// Its functions, which live as long as the process.
    let table: UnsafePointer<cc_table>

    /// The phases on the machine's own memory, for tests of a device that has that.
    package static let host = CardKernels(table: cc_host_table())

    /// Those of the stand-in for a card, in tests.
    @TaskLocal package static var ofRegistered: CardKernels?

    private static let cuda: (kernels: CardKernels?, reason: String) = {
        var reason: UnsafePointer<CChar>?
        let table = withUnsafeMutablePointer(to: &reason) { cc_open(Device.kernelLibrary, $0) }
        return (table.map { CardKernels(table: $0) }, reason.map { String(cString: $0) } ?? "")
    }()

    /// Those of a device; nil if there are none.
    static func of(_ device: Device) -> CardKernels? {
        switch device {
        case .cpu: nil
        case .cuda: cuda.kernels
        case .registered: ofRegistered
        }
    }

    /// Why a device has none, for a line of ``Optimizer/describe()``; nil if it has.
    static func obstacle(on device: Device) -> String? {
        if of(device) != nil { return nil }
        if case .cuda = device { return "on \(device), whose kernels are not built" }
        return "on \(device)"
    }

    /// What `fisher doctor` says of those for CUDA.
    package static var statement: String {
        cuda.kernels == nil
            ? "none, rules take the formula path: \(cuda.reason.split(separator: "\n").first ?? "")"
            : Device.kernelLibrary
    }

    /// The bytes a second of a copy on a card, read and written; nil where it cannot be measured.
    package static func copyBandwidth(of device: Device, bytes: Int = 1 << 28) -> Double? {
        guard case .cuda(let number) = device, let kernels = of(device) else { return nil }
        let seconds = kernels.table.pointee.copy_seconds(Int32(number), Int64(bytes))
        return seconds > 0 ? 2 * Double(bytes) / seconds : nil
    }
}
