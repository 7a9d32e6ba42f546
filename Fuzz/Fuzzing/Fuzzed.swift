import Foundation
import Torch

/// A reader of the product that is given changed inputs.
package struct Fuzzed: Sendable {
    /// Its name on the command line.
    package let name: String
    /// The folder of its sound inputs in the corpus.
    let corpus: String
    /// Its share of all inputs, relative to those of the others.
    package let weight: Int
    /// Words of its format.
    let tokens: [String]
    /// Restores what every change breaks, such as the length of a header.
    let repair: @Sendable ([UInt8], inout SplitMix64) -> [UInt8]
    /// Reads an input and uses all of it that was read; returns whether it was accepted.
    ///
    /// Throws `FuzzFailure` if what was read contradicts itself.
    package let read: @Sendable ([UInt8]) throws -> Bool

    init(
        _ name: String, weight: Int, corpus: String? = nil, tokens: [String] = [],
        repair: @escaping @Sendable ([UInt8], inout SplitMix64) -> [UInt8] = { bytes, _ in bytes },
        read: @escaping @Sendable ([UInt8]) throws -> Bool
    ) {
        self.name = name
        self.weight = weight
        self.corpus = corpus ?? name
        self.tokens = tokens
        self.repair = repair
        self.read = read
    }
}

/// Something that a reader accepted and that contradicts itself.
package struct FuzzFailure: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }

    static func require(_ condition: Bool, _ description: @autoclosure () -> String) throws {
        if !condition { throw FuzzFailure(description()) }
    }
}

/// The changed inputs of one reader: the same for equal seeds, each found again by its number.
package struct FuzzInputs: Sendable {
    private let mutator: Mutator
    private let fuzzed: Fuzzed
    private let seed: UInt64

    /// Reads the sound inputs from the reader's folder of the corpus.
    package init(of fuzzed: Fuzzed, corpus: String, seed: UInt64) throws {
        let folder = corpus + "/" + fuzzed.corpus
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let seeds = try names.map { [UInt8](try Data(contentsOf: URL(filePath: folder + "/" + $0))) }
        precondition(!seeds.isEmpty, "\(folder) holds no input")
        mutator = Mutator(tokens: fuzzed.tokens.map { Array($0.utf8) }, seeds: seeds)
        self.fuzzed = fuzzed
        self.seed = seed
    }

    /// The sound inputs, which the reader must accept.
    package var sound: [[UInt8]] { mutator.seeds }

    /// The input of a number.
    package subscript(number: UInt64) -> [UInt8] {
        var generator = SplitMix64(seed: seed &+ number &* 0xD134_2543_DE82_EF95)
        let bytes = mutator.input(using: &generator)
        return fuzzed.repair(bytes, &generator)
    }
}
