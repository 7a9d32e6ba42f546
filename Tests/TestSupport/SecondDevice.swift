import StandInDevice
import Torch

/// A device beside the CPU for tests: the first card where there is one, else a stand-in whose operations are those of the CPU,
/// and which refuses tensors of the CPU among their arguments as a card does.
public enum SecondDevice {
    /// The device.
    public static let device: Device = {
        if Device.cudaCount > 0 { return .cuda(0) }
        stand_in_begin()
        return .registered(0)
    }()

    /// Whether it is the stand-in, whose numbers are those of the CPU but for operations that are composed in another way.
    public static var isStandIn: Bool { device == .registered(0) }

    /// How often the stand-in was waited for.
    public static var waitCount: Int { Int(stand_in_synchronization_count()) }
}
