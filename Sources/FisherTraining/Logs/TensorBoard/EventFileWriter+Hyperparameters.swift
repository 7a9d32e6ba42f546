extension EventFileWriter {
    /// A hyperparameter's value.
    public enum HyperparameterValue: Hashable, Sendable {
        /// A number.
        case number(Double)
        /// A Boolean.
        case flag(Bool)
        /// A word.
        case text(String)

        /// The value of a text.
        public init(_ text: String) {
            self = Double(text).map { .number($0) } ?? Bool(text).map { .flag($0) } ?? .text(text)
        }
    }

    /// Writes the run's hyperparameters for TensorBoard's HPARAMS page.
    ///
    /// - Parameters:
    ///   - values: the hyperparameters.
    ///   - metrics: the tags of the scalars that count as its results.
    public func hyperparameters(
        _ values: [(name: String, value: HyperparameterValue)], metrics: [String]
    ) throws(StorageError) {
        try plugin("_hparams_/experiment") { data in
            data.message(2) { experiment in
                for (name, value) in values {
                    experiment.message(4) { info in
                        info.text(1, name)
                        info.integer(4, value.typeCode)
                    }
                }
                for tag in metrics {
                    experiment.message(5) { info in info.message(1) { $0.text(2, tag) } }
                }
            }
        }
        try plugin("_hparams_/session_start_info") { data in
            data.message(3) { start in
                for (name, value) in values {
                    start.message(1) { entry in
                        entry.text(1, name)
                        entry.message(2) { value.encode(&$0) }
                    }
                }
            }
        }
    }

    /// Marks the end of the run, successful or not.
    public func sessionEnded(succeeded: Bool) throws(StorageError) {
        try plugin("_hparams_/session_end_info") { data in
            data.message(4) { $0.integer(1, succeeded ? 1 : 2) }
        }
    }

    /// A value without content, whose metadata are the plugin's data.
    private func plugin(
        _ tag: String, _ build: (inout ProtobufEncoder) -> Void
    ) throws(StorageError) {
        try summary(step: 0, tag: tag) { value in
            value.message(9) { metadata in
                metadata.message(1) { plugin in
                    plugin.text(1, "hparams")
                    plugin.message(2) { build(&$0) }
                }
            }
            // The plugin's reader requires a tensor: an empty one of floats.
            value.message(8) { tensor in
                tensor.integer(1, 1)
                tensor.message(2) { shape in shape.message(2) { $0.integer(1, 0) } }
            }
        }
    }
}

extension EventFileWriter.HyperparameterValue {
    /// The plugin's code of the type.
    fileprivate var typeCode: Int {
        switch self {
        case .text: 1
        case .flag: 2
        case .number: 3
        }
    }

    /// google.protobuf.Value.
    fileprivate func encode(_ encoder: inout ProtobufEncoder) {
        switch self {
        case .number(let number): encoder.double(2, number)
        case .text(let text): encoder.text(3, text)
        case .flag(let flag): encoder.integer(4, flag ? 1 : 0)
        }
    }
}
