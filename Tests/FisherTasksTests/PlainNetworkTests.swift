import Fisher
import Foundation
import Testing

@testable import FisherTasks

/// Data of a wrong type, shape or range is an error about the data, whatever the network would make of it.
@Suite struct PlainNetworkTests {
    static func network(_ layers: String, likelihood: String = "categorical", dtype: DType = .float32) throws
        -> PlainNetwork
    {
        let root = FileManager.default.temporaryDirectory.appending(path: "plain-\(UUID())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let text = "{\"layers\":[\(layers)],\"likelihood\":\"\(likelihood)\"}"
        try Data(text.utf8).write(to: root.appending(path: "model.json"))
        let made = try NetworkSpecification(json: Data(text.utf8)).makeNetwork(
            dtype: dtype, using: try RandomGenerator(seed: 1))
        try made.save(to: root.appending(path: "weights").path)
        return try PlainNetwork(
            model: root.appending(path: "model.json").path, weights: root.appending(path: "weights").path)
    }

    private static func reason(
        _ plain: PlainNetwork, _ inputs: Tensor, _ targets: Tensor
    ) -> String {
        do {
            let batch = try plain.batch(inputs: inputs, targets: targets)
            _ = try CurvatureEstimator(of: plain.network).estimate(
                [.diagonal(.exact)], of: plain.objective(batch), units: batch.unitCount)
            return "none"
        } catch let error as CurvatureError {
            return "\(error)"
        } catch let error as NetworkSpecificationError {
            return "\(error)"
        } catch {
            return "of a wrong kind: \(type(of: error)) \(error)"
        }
    }

    static let linear = "{\"linear\":[3,2]}"
    static var classes: Tensor { Tensor([0, 1, 0, 1] as [Int64]) }

    @Test func inputsAreChecked() throws {
        let plain = try Self.network(Self.linear)
        func reason(_ inputs: Tensor) -> String { Self.reason(plain, inputs, Self.classes) }
        #expect(reason(.ones([4, 3])) == "none")
        #expect(reason(.ones([4, 3], dtype: .float64)) == "none")
        #expect(
            reason(.ones([4, 3], dtype: .int64))
                == "the inputs cannot be used: they must be floating-point numbers, not int64")
        #expect(reason(.ones([4, 3], dtype: .bool)).hasPrefix("the inputs cannot be used: they must be"))
        #expect(
            reason(Tensor([Double](repeating: 1, count: 11) + [.nan], shape: [4, 3]))
                == "the inputs cannot be used: in float32 their tensor holds NaN at element 11")
        // Finite in float64, not in the type of the weights.
        #expect(
            reason(.full([4, 3], 1e300, dtype: .float64))
                == "the inputs cannot be used: in float32 their tensor holds an infinite number at element 0")
        #expect(reason(.ones([4, 2])).contains("takes a width of 3, but is given 2"))
        #expect(reason(.ones([])).contains("is not the shape of a batch"))
        #expect(reason(.ones([5, 3])).hasPrefix("the targets cannot be used"))
        #expect(reason(.zeros([0, 3])).hasPrefix("the targets cannot be used"))
    }

    @Test func targetsAreChecked() throws {
        let plain = try Self.network(Self.linear)
        func reason(_ targets: Tensor) -> String { Self.reason(plain, .ones([4, 3]), targets) }
        #expect(reason(Tensor([0, 1, 1, -100] as [Int64])) == "none")
        #expect(reason(Tensor([0, 1, 1, 0] as [UInt8])) == "none")
        for numbers: [Int64] in [[0, 1, 2, 0], [0, -1, 0, 0], [0, .max, 0, 0]] {
            #expect(reason(Tensor(numbers)).hasPrefix("the targets cannot be used"), "\(numbers)")
        }
        #expect(reason(Tensor([0, 1, 1.7, 0])).contains("of an integer type, not float64"))
        #expect(reason(Tensor([true, false, true, true])).contains("of an integer type, not bool"))
        #expect(reason(.zeros([4, 1], dtype: .int64)).hasPrefix("the targets cannot be used"))
        #expect(
            reason(Tensor([-100, -100, -100, -100] as [Int64])) == "the batch has no observation that counts")
        let numbers = try Self.network(Self.linear, likelihood: "gaussian")
        let found = Self.reason(numbers, .ones([4, 3]), .full([4, 2], .nan))
        #expect(found == "the targets cannot be used: in float32 their tensor holds NaN at element 0")
    }

    @Test func emptyBatchesHaveNoObservation() throws {
        let plain = try Self.network(Self.linear)
        let found = Self.reason(plain, .zeros([0, 3]), .zeros([0], dtype: .int64))
        #expect(found == "the batch has no observation that counts")
    }

    @Test func numbersOfEntriesAreChecked() throws {
        let plain = try Self.network("{\"embedding\":[5,4]},\"flatten\",{\"linear\":[8,2]}")
        func reason(_ numbers: Tensor) -> String { Self.reason(plain, numbers, Self.classes) }
        #expect(reason(.zeros([4, 2], dtype: .int64)) == "none")
        #expect(reason(.ones([4, 2], dtype: .uint8)) == "none")
        #expect(
            reason(Tensor([0, 1, 2, 3, 4, 5, 0, 0] as [Int64], shape: [4, 2]))
                == "the inputs cannot be used: they number entries from 0 to 5, of which there are 5")
        #expect(
            reason(Tensor([0, 1, 2, 3, 4, -1, 0, 0] as [Int64], shape: [4, 2])).contains("from -1 to 4"))
        #expect(reason(.zeros([4, 2])).contains("of an integer type, not float32"))
    }

    @Test func weightsThatAreNotFiniteNameTheirFile() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "plain-\(UUID())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let (model, weights) = (root.appending(path: "m.json").path, root.appending(path: "w").path)
        try Data("{\"layers\":[\(Self.linear)],\"likelihood\":\"categorical\"}".utf8).write(
            to: URL(filePath: model))
        let tensors = ["0.weight": Tensor.ones([2, 3]), "0.bias": Tensor([0, -Float.infinity])]
        try SafetensorsWriter().write(
            try tensors.map { try SafetensorsSource(name: $0.key, tensor: $0.value) }, to: weights)
        let error = #expect(throws: WeightError.self) { try PlainNetwork(model: model, weights: weights) }
        #expect(
            error?.description == "\(weights): the weight 0.bias holds an infinite number at element 1")
    }
}
