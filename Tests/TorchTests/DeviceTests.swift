import Foundation
import TestSupport
import Testing
import Torch

/// Tensors, draws and generators on a device beside the CPU.
@Suite struct DeviceTests {
    @Test func devicesHaveNames() {
        #expect(Device("cpu") == .cpu && Device("cuda") == .cuda(0) && Device("cuda:3") == .cuda(3))
        #expect(Device("registered:0") == .registered(0))
        for text in ["", "gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:01", "cuda:x", "cuda:0:0", "CUDA"] {
            #expect(Device(text) == nil, "\(text)")
        }
        for device in [Device.cpu, .cuda(2), .registered(1)] { #expect(Device("\(device)") == device) }
        #expect(Device.available.first == .cpu)
    }

    @Test func aDeviceThatIsNotThereIsOneSentence() throws {
        let error = #expect(throws: TorchError.self) { try withDevice(.cuda(97)) {} }
        #expect(error?.kind == .deviceUnavailable)
        #expect(error?.message.hasPrefix("device cuda:97 is not available: ") == true)
        #expect(error?.message.contains("\n") == false)
        #expect(Tensor.zeros([2], device: .cuda(97)).failure?.kind == .deviceUnavailable)
    }

    @Test func whatIsMadeLiesOnTheCurrentDevice() throws {
        let device = SecondDevice.device
        try withDevice(device) {
            let generator = try RandomGenerator(seed: 4)
            let made: [Tensor] = [
                Tensor([1, 2, 3] as [Double]), .zeros([2]), .ones([2]), .full([], 3), .identity(2),
                .indices(3),
                .empty([2]), .normal([3], using: generator), .uniform([3], using: generator),
            ]
            for tensor in made {
                try tensor.check()
                #expect(tensor.device == device)
            }
            #expect(try made[0].scalars(as: Double.self) == [1, 2, 3])
            #expect(Tensor([1] as [Float], device: .cpu).device == .cpu)
        }
        #expect(Tensor([1] as [Float]).device == .cpu && Device.current == .cpu)
    }

    /// Equal generators of the CPU give equal draws, wherever they are wanted.
    @Test func drawsAreThoseOfTheGenerator() throws {
        func draws() throws -> [[Double]] {
            let generator = try RandomGenerator(seed: 7)
            let like = Tensor([0.2, 0.9, 0.5] as [Double])
            return try [
                Tensor.normal([3], dtype: .float64, using: generator), .normal(like: like, using: generator),
                .exponential(like: like, using: generator), like.sampledBernoulli(using: generator),
                .bernoulli(like: like, probability: 0.5, using: generator),
                like.unsqueezed(0).sampledCategories(using: generator),
            ].map { try $0.scalars(as: Double.self) }
        }
        let (here, there) = (try draws(), try withDevice(SecondDevice.device, draws))
        #expect(here.dropLast() == there.dropLast())
        #expect(here == there)
    }

    @Test func generatorsOfADeviceAreSavedAndRestored() throws {
        let device = SecondDevice.device
        let generator = try RandomGenerator(seed: 5, device: device)
        func next() throws -> [Double] {
            let draws = Tensor.normal([4], using: generator, device: device)
            #expect(draws.device == device)
            return try draws.scalars(as: Double.self)
        }
        _ = try next()
        let state = try generator.state()
        let first = try next()
        #expect(try next() != first)
        try generator.restore(state)
        #expect(try next() == first)
        #expect(try generator.restore(fromAnyDevice: state))
        #expect(try next() == first)
        // The CPU has no such state; it goes on with a stream that the state determines.
        let (one, two) = (try RandomGenerator(seed: 1), try RandomGenerator(seed: 2))
        #expect(throws: TorchError.self) { try one.restore(state) }
        #expect(try !one.restore(fromAnyDevice: state) && !two.restore(fromAnyDevice: state))
        #expect(try one.state() == two.state())
        // A generator that moves goes on with another stream, equal ones with equal ones.
        try one.move(to: device)
        try two.move(to: device)
        #expect(one.device == device)
        #expect(try one.state() == two.state() && one.state().count == state.count)
    }

    /// A card refuses to compute with a tensor of the CPU; so does the stand-in, by which the tests show that none is left.
    @Test func devicesDoNotMix() throws {
        let own = Tensor.ones([2, 2], device: SecondDevice.device)
        #expect((own + Tensor.ones([2, 2])).failure != nil)
        #expect((own + Tensor.full([], 1)).failure == nil)
        #expect(own.matmul(.ones([2, 2])).failure != nil)
    }

    @Test func filesAreReadOntoTheCurrentDevice() throws {
        try TemporaryFolder.with { folder in
            let device = SecondDevice.device
            let tensor = Tensor([1, 2, 3] as [Float], device: device)
            try SafetensorsWriter().write(
                [try SafetensorsSource(name: "a", tensor: tensor)], to: folder + "/a.safetensors")
            let file = try SafetensorsFile(path: folder + "/a.safetensors")
            #expect(try file.tensor(named: "a").device == .cpu)
            let there = try withDevice(device) { try file.tensor(named: "a") }
            #expect(there.device == device)
            #expect(try there.scalars(as: Float.self) == [1, 2, 3])
        }
    }

    @Test(.enabled(if: Device.cudaCount > 0, "CUDA was compiled and never run here: there is no card"))
    func cardsHaveNames() throws {
        for number in 0..<Device.cudaCount { #expect(Device.cuda(number).hardwareName != nil) }
    }
}
