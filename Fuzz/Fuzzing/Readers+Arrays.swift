import FisherData
import Torch

extension Fuzzed {
    /// Files of NumPy, IDX files and archives; what is accepted has as many numbers as its shape says.
    static let arrays = Fuzzed(
        "arrays", weight: 60,
        tokens: [
            "'descr': '<f4'", "'>i8'", "'|O'", "'fortran_order': True", "'shape': (", "(3,)", "()",
            "99999999999999",
            "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", ".npy",
        ]
    ) { bytes in
        let file: ArrayFile
        do { file = try ArrayFile(bytes: bytes, path: "a.npy") } catch {
            try FuzzFailure.require("\(error)".utf8.count < 4000, "a long message")
            return false
        }
        for (_, array) in file.arrays {
            guard let tensor = try? array.tensor() else { continue }
            try FuzzFailure.require(
                tensor.shape == array.shape, "an array has another shape than its head says")
            if array.count > 0, array.shape.count > 0 {
                try FuzzFailure.require(
                    try array.rows(at: [array.count - 1]).shape == [1] + array.rowShape,
                    "a row has another shape")
            }
        }
        return true
    }
}
