import Fisher
import FisherTraining

/// The network of a `state_dict` of PyTorch, as far as its file and a user tell it.
package enum StateNetwork {
    /// All of it is known.
    case known(ConvertedNetwork)
    /// It is not known what is asked; `layers` are those that the file tells, with a mark for the others.
    case asked(layers: String, question: String)

    /// Asks a file and what a user said.
    ///
    /// - Parameters:
    ///   - state: the file.
    ///   - layers: the layers one after another, if the user named them.
    ///   - activation: the layer in every gap.
    ///   - likelihood: the likelihood; nil if it is not known.
    ///   - option: the option that names layers.
    /// - Throws: `ConversionError` for layers that the file does not have, `NetworkSpecificationError` for those that do not
    ///   fit each other.
    package init(
        _ state: StateDictionary, layers given: [LayerDraft]?, activation: String?, likelihood: JSONValue?,
        option: String = "--layers"
    ) throws {
        if given == nil, activation == nil,
            let network = try ResNet.converted(state, likelihood: likelihood)
        {
            self = .known(network)
            return
        }
        let proposal = try SequenceProposal(state)
        var layers = given
        if let activation { layers = try proposal.filled(with: activation) }
        if layers == nil, proposal.questions.isEmpty { layers = proposal.layers }
        if let layers, let likelihood {
            self = .known(try state.network(layers, likelihood: likelihood))
            return
        }
        var (questions, answers) = ([String](), [String]())
        let text = proposal.layers.map(\.text).joined(separator: " ")
        if layers == nil {
            questions += proposal.questions
            answers.append(
                "\(option) \"\(text)\""
                    + (text.contains(LayerDraft.unknown)
                        ? " with a layer in place of each ? and options where they are missing, as in conv2d(padding=1)"
                        : " with the layers and options that are missing, as in tanh or conv2d(padding=1)"))
        }
        if likelihood == nil {
            questions.append("which likelihood its outputs are the parameters of")
            answers.append("--likelihood, such as categorical or gaussian")
        }
        self = .asked(
            layers: text,
            question: "the file does not say \(questions.joined(separator: "; nor ")): give "
                + answers.joined(separator: ", and "))
    }

    /// Throws `ConversionError` for a file of `torch.save`, with the lines of Python that write what is read here.
    package static func refusePickle(_ path: String) throws {
        guard let format = try FileReader(path).format(), format == .pytorch || format == .pickle else {
            return
        }
        throw ConversionError(
            "\(path): it is \(format.noun), which can hold any program and is not read; these two lines of "
                + "Python write its tensors: state = torch.load(\"\(path)\", map_location=\"cpu\"), and "
                + "safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, "
                + "\"model.safetensors\")")
    }
}

extension ConvertedNetwork {
    /// The weights under this program's names.
    package func weights(from files: SafetensorsShards, dtype: DType) throws -> [String: Tensor] {
        try names.tensors(from: files, dtype: dtype) { $0.hasSuffix("num_batches_tracked") }
    }
}
