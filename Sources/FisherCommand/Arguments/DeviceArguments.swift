import ArgumentParser
import FisherOptions
import FisherTraining
import Foundation
import Torch

/// Where a command computes.
struct DeviceArguments: ParsableArguments {
    @Option(help: "Where to compute: cpu, cuda (the first card), cuda:1, ...")
    var device = "cpu"

    func validate() throws {
        guard Device(device) != nil else {
            throw ValidationError("--device \(device) is no device: cpu, cuda (the first card), cuda:1, ...")
        }
    }

    /// The device.
    var chosen: Device { Device(named: device, environment: ProcessInfo.processInfo.environment) }
}

/// A command that computes where `--device` says.
protocol DeviceCommand: ParsableCommand {
    /// The option.
    var place: DeviceArguments { get }
    /// What the command does; what it makes lies on the device.
    func compute() throws
}

extension DeviceCommand {
    /// Runs the command on its device, and throws before anything else if there is none.
    func run() throws { try withDevice(place.chosen, compute) }
}
