import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    SCORED: _ClassVar[Status]
    NOT_APPLICABLE: _ClassVar[Status]
    UNKNOWN_CUSTOMER: _ClassVar[Status]
    STALE_REFUSED: _ClassVar[Status]

class Band(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BAND_UNSPECIFIED: _ClassVar[Band]
    LOW: _ClassVar[Band]
    USUAL: _ClassVar[Band]
    RAISED: _ClassVar[Band]
    HIGH: _ClassVar[Band]

class Basis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BASIS_UNSPECIFIED: _ClassVar[Basis]
    RECORDED: _ClassVar[Basis]
    DERIVED: _ClassVar[Basis]

class ContactPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTACT_POLICY_UNSPECIFIED: _ClassVar[ContactPolicy]
    OK: _ClassVar[ContactPolicy]
    HELD_OUT: _ClassVar[ContactPolicy]
    SUPPRESSED: _ClassVar[ContactPolicy]
STATUS_UNSPECIFIED: Status
SCORED: Status
NOT_APPLICABLE: Status
UNKNOWN_CUSTOMER: Status
STALE_REFUSED: Status
BAND_UNSPECIFIED: Band
LOW: Band
USUAL: Band
RAISED: Band
HIGH: Band
BASIS_UNSPECIFIED: Basis
RECORDED: Basis
DERIVED: Basis
CONTACT_POLICY_UNSPECIFIED: ContactPolicy
OK: ContactPolicy
HELD_OUT: ContactPolicy
SUPPRESSED: ContactPolicy

class ScoreRequest(_message.Message):
    __slots__ = ("country", "customer_id", "targets", "reference", "language", "with_reasons")
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    WITH_REASONS_FIELD_NUMBER: _ClassVar[int]
    country: str
    customer_id: str
    targets: _containers.RepeatedScalarFieldContainer[str]
    reference: _timestamp_pb2.Timestamp
    language: str
    with_reasons: bool
    def __init__(self, country: _Optional[str] = ..., customer_id: _Optional[str] = ..., targets: _Optional[_Iterable[str]] = ..., reference: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., language: _Optional[str] = ..., with_reasons: _Optional[bool] = ...) -> None: ...

class ScoreBatchRequest(_message.Message):
    __slots__ = ("country", "customer_ids", "targets", "reference", "language", "with_reasons")
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_IDS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    WITH_REASONS_FIELD_NUMBER: _ClassVar[int]
    country: str
    customer_ids: _containers.RepeatedScalarFieldContainer[str]
    targets: _containers.RepeatedScalarFieldContainer[str]
    reference: _timestamp_pb2.Timestamp
    language: str
    with_reasons: bool
    def __init__(self, country: _Optional[str] = ..., customer_ids: _Optional[_Iterable[str]] = ..., targets: _Optional[_Iterable[str]] = ..., reference: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., language: _Optional[str] = ..., with_reasons: _Optional[bool] = ...) -> None: ...

class ScoreBatchReply(_message.Message):
    __slots__ = ("replies",)
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    replies: _containers.RepeatedCompositeFieldContainer[ScoreReply]
    def __init__(self, replies: _Optional[_Iterable[_Union[ScoreReply, _Mapping]]] = ...) -> None: ...

class MoversRequest(_message.Message):
    __slots__ = ("country", "target", "most", "least_change", "direction", "language", "with_reasons")
    class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DIRECTION_UNSPECIFIED: _ClassVar[MoversRequest.Direction]
        UP: _ClassVar[MoversRequest.Direction]
        DOWN: _ClassVar[MoversRequest.Direction]
    DIRECTION_UNSPECIFIED: MoversRequest.Direction
    UP: MoversRequest.Direction
    DOWN: MoversRequest.Direction
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    LEAST_CHANGE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    WITH_REASONS_FIELD_NUMBER: _ClassVar[int]
    country: str
    target: str
    most: int
    least_change: float
    direction: MoversRequest.Direction
    language: str
    with_reasons: bool
    def __init__(self, country: _Optional[str] = ..., target: _Optional[str] = ..., most: _Optional[int] = ..., least_change: _Optional[float] = ..., direction: _Optional[_Union[MoversRequest.Direction, str]] = ..., language: _Optional[str] = ..., with_reasons: _Optional[bool] = ...) -> None: ...

class MoversReply(_message.Message):
    __slots__ = ("movers",)
    MOVERS_FIELD_NUMBER: _ClassVar[int]
    movers: _containers.RepeatedCompositeFieldContainer[ScoreReply]
    def __init__(self, movers: _Optional[_Iterable[_Union[ScoreReply, _Mapping]]] = ...) -> None: ...

class ScoreReply(_message.Message):
    __slots__ = ("country", "customer_id", "known", "instant", "phase", "contact_policy", "contact_reason", "freshness", "targets", "receipt")
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    INSTANT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_POLICY_FIELD_NUMBER: _ClassVar[int]
    CONTACT_REASON_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    country: str
    customer_id: str
    known: bool
    instant: _timestamp_pb2.Timestamp
    phase: str
    contact_policy: ContactPolicy
    contact_reason: str
    freshness: _containers.RepeatedCompositeFieldContainer[Freshness]
    targets: _containers.RepeatedCompositeFieldContainer[TargetScore]
    receipt: str
    def __init__(self, country: _Optional[str] = ..., customer_id: _Optional[str] = ..., known: _Optional[bool] = ..., instant: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., phase: _Optional[str] = ..., contact_policy: _Optional[_Union[ContactPolicy, str]] = ..., contact_reason: _Optional[str] = ..., freshness: _Optional[_Iterable[_Union[Freshness, _Mapping]]] = ..., targets: _Optional[_Iterable[_Union[TargetScore, _Mapping]]] = ..., receipt: _Optional[str] = ...) -> None: ...

class TargetScore(_message.Message):
    __slots__ = ("target", "status", "status_reason", "probability", "horizon_days", "horizon_end", "band", "times_usual", "change_since_tuesday", "basis", "model", "reasons")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_REASON_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    HORIZON_DAYS_FIELD_NUMBER: _ClassVar[int]
    HORIZON_END_FIELD_NUMBER: _ClassVar[int]
    BAND_FIELD_NUMBER: _ClassVar[int]
    TIMES_USUAL_FIELD_NUMBER: _ClassVar[int]
    CHANGE_SINCE_TUESDAY_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    target: str
    status: Status
    status_reason: str
    probability: float
    horizon_days: int
    horizon_end: _timestamp_pb2.Timestamp
    band: Band
    times_usual: float
    change_since_tuesday: float
    basis: Basis
    model: str
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    def __init__(self, target: _Optional[str] = ..., status: _Optional[_Union[Status, str]] = ..., status_reason: _Optional[str] = ..., probability: _Optional[float] = ..., horizon_days: _Optional[int] = ..., horizon_end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., band: _Optional[_Union[Band, str]] = ..., times_usual: _Optional[float] = ..., change_since_tuesday: _Optional[float] = ..., basis: _Optional[_Union[Basis, str]] = ..., model: _Optional[str] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ...) -> None: ...

class ExplainReply(_message.Message):
    __slots__ = ("score", "explanations")
    SCORE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATIONS_FIELD_NUMBER: _ClassVar[int]
    score: ScoreReply
    explanations: _containers.RepeatedCompositeFieldContainer[Explanation]
    def __init__(self, score: _Optional[_Union[ScoreReply, _Mapping]] = ..., explanations: _Optional[_Iterable[_Union[Explanation, _Mapping]]] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("target", "model", "margin", "base", "contributions")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    target: str
    model: str
    margin: float
    base: float
    contributions: _containers.RepeatedCompositeFieldContainer[Contribution]
    def __init__(self, target: _Optional[str] = ..., model: _Optional[str] = ..., margin: _Optional[float] = ..., base: _Optional[float] = ..., contributions: _Optional[_Iterable[_Union[Contribution, _Mapping]]] = ...) -> None: ...

class Contribution(_message.Message):
    __slots__ = ("column", "theme", "added", "number", "word")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    THEME_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    column: str
    theme: str
    added: float
    number: float
    word: str
    def __init__(self, column: _Optional[str] = ..., theme: _Optional[str] = ..., added: _Optional[float] = ..., number: _Optional[float] = ..., word: _Optional[str] = ...) -> None: ...

class Freshness(_message.Message):
    __slots__ = ("fetchers", "state", "age_s")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Freshness.State]
        FRESH: _ClassVar[Freshness.State]
        STALE: _ClassVar[Freshness.State]
        MISSING: _ClassVar[Freshness.State]
    STATE_UNSPECIFIED: Freshness.State
    FRESH: Freshness.State
    STALE: Freshness.State
    MISSING: Freshness.State
    FETCHERS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    fetchers: _containers.RepeatedScalarFieldContainer[str]
    state: Freshness.State
    age_s: float
    def __init__(self, fetchers: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[Freshness.State, str]] = ..., age_s: _Optional[float] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("fetcher", "feature", "agent_hint", "sayable")
    FETCHER_FIELD_NUMBER: _ClassVar[int]
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    AGENT_HINT_FIELD_NUMBER: _ClassVar[int]
    SAYABLE_FIELD_NUMBER: _ClassVar[int]
    fetcher: str
    feature: str
    agent_hint: str
    sayable: str
    def __init__(self, fetcher: _Optional[str] = ..., feature: _Optional[str] = ..., agent_hint: _Optional[str] = ..., sayable: _Optional[str] = ...) -> None: ...
